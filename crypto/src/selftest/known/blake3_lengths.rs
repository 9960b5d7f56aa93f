//! The BLAKE3 project's official vectors (`test_vectors/test_vectors.json`, CC0): byte i of an input is i mod
//! 251. 63, 64 and 65 bytes, which that file lacks, are from its published Python package.

use hex_literal::hex;

pub(super) const KEY: &[u8; 32] = b"whats the Elvish word for friend";
pub(super) const CONTEXT: &[u8] = b"BLAKE3 2019-12-27 16:29:52 test vectors context";

/// The three modes on one input.
pub(super) struct Lengths {
    pub(super) bytes: usize,
    pub(super) hash: [u8; 32],
    pub(super) keyed: [u8; 32],
    pub(super) derived: [u8; 131],
}

#[rustfmt::skip]
pub(super) const LENGTHS: &[Lengths] = &[
    Lengths {
        bytes: 0,
        hash: hex!("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        keyed: hex!("92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"),
        derived: hex!(
            "2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d"
            "905630c8be290dfcf3e6842f13bddd573c098c3f17361f1f206b8cad9d088aa4"
            "a3f746752c6b0ce6a83b0da81d59649257cdf8eb3e9f7d4998e41021fac119de"
            "efb896224ac99f860011f73609e6e0e4540f93b273e56547dfd3aa1a035ba668"
            "9d89a0"
        ),
    },
    Lengths {
        bytes: 1,
        hash: hex!("2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        keyed: hex!("6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"),
        derived: hex!(
            "b3e2e340a117a499c6cf2398a19ee0d29cca2bb7404c73063382693bf66cb06c"
            "5827b91bf889b6b97c5477f535361caefca0b5d8c4746441c576171119331589"
            "50670f9aa8a05d791daae10ac683cbef8faf897c84e6114a59d2173c3f417023"
            "a35d6983f2c7dfa57e7fc559ad751dbfb9ffab39c2ef8c4aafebc9ae973a64f0"
            "c76551"
        ),
    },
    Lengths {
        bytes: 63,
        hash: hex!("e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"),
        keyed: hex!("bb1eb5d4afa793c1ebdd9fb08def6c36d10096986ae0cfe148cd101170ce37ae"),
        derived: hex!(
            "b6451e30b953c206e34644c6803724e9d2725e0893039cfc49584f991f451af3"
            "b89e8ff572d3da4f4022199b9563b9d70ebb616efff0763e9abec71b550f1371"
            "e233319c4c4e74da936ba8e5bbb29a598e007a0bbfa929c99738ca2cc098d591"
            "34d11ff300c39f82e2fce9f7f0fa266459503f64ab9913befc65fddc474f6dc1"
            "c67669"
        ),
    },
    Lengths {
        bytes: 64,
        hash: hex!("4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"),
        keyed: hex!("ba8ced36f327700d213f120b1a207a3b8c04330528586f414d09f2f7d9ccb7e6"),
        derived: hex!(
            "a5c4a7053fa86b64746d4bb688d06ad1f02a18fce9afd3e818fefaa7126bf73e"
            "9b9493a9befebe0bf0c9509fb3105cfa0e262cde141aa8e3f2c2f77890bb64a4"
            "cca96922a21ead111f6338ad5244f2c15c44cb595443ac2ac294231e31be4a43"
            "07d0a91e874d36fc9852aeb1265c09b6e0cda7c37ef686fbbcab97e8ff66718b"
            "e048bb"
        ),
    },
    Lengths {
        bytes: 65,
        hash: hex!("de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"),
        keyed: hex!("c0a4edefa2d2accb9277c371ac12fcdbb52988a86edc54f0716e1591b4326e72"),
        derived: hex!(
            "51fd05c3c1cfbc8ed67d139ad76f5cf8236cd2acd26627a30c104dfd9d3ff8a8"
            "2b02e8bd36d8498a75ad8c8e9b15eb386970283d6dd42c8ae7911cc592887fdb"
            "e26a0a5f0bf821cd92986c60b2502c9be3f98a9c133a7e8045ea867e0828c725"
            "2e739321f7c2d65daee4468eb4429efae469a42763f1f94977435d10dccae3e3"
            "dce88d"
        ),
    },
    Lengths {
        bytes: 1023,
        hash: hex!("10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"),
        keyed: hex!("c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e"),
        derived: hex!(
            "74a16c1c3d44368a86e1ca6df64be6a2f64cce8f09220787450722d85725dea5"
            "9c413264404661e9e4d955409dfe4ad3aa487871bcd454ed12abfe2c2b1eb775"
            "7588cf6cb18d2eccad49e018c0d0fec323bec82bf1644c6325717d13ea712e68"
            "40d3e6e730d35553f59eff5377a9c350bcc1556694b924b858f329c44ee64b88"
            "4ef00d"
        ),
    },
    Lengths {
        bytes: 1024,
        hash: hex!("42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
        keyed: hex!("75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4"),
        derived: hex!(
            "7356cd7720d5b66b6d0697eb3177d9f8d73a4a5c5e968896eb6a689684302706"
            "6c23b601d3ddfb391e90d5c8eccdef4ae2a264bce9e612ba15e2bc9d654af148"
            "1b2e75dbabe615974f1070bba84d56853265a34330b4766f8e75edd1f4a16504"
            "76c10802f22b64bd3919d246ba20a17558bc51c199efdec67e80a227251808d8"
            "ce5bad"
        ),
    },
    Lengths {
        bytes: 1025,
        hash: hex!("d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
        keyed: hex!("357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"),
        derived: hex!(
            "effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb"
            "5d31013a167509e9066273ab6e2123bc835b408b067d88f96addb550d96b6852"
            "dad38e320b9d940f86db74d398c770f462118b35d2724efa13da97194491d96d"
            "d37c3c09cbef665953f2ee85ec83d88b88d11547a6f911c8217cca46defa2751"
            "e7f3ad"
        ),
    },
    Lengths {
        bytes: 2048,
        hash: hex!("e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"),
        keyed: hex!("879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1"),
        derived: hex!(
            "7b2945cb4fef70885cc5d78a87bf6f6207dd901ff239201351ffac04e1088a23"
            "e2c11a1ebffcea4d80447867b61badb1383d842d4e79645d48dd82ccba290769"
            "caa7af8eaa1bd78a2a5e6e94fbdab78d9c7b74e894879f6a515257ccf6f95056"
            "f4e25390f24f6b35ffbb74b766202569b1d797f2d4bd9d17524c720107f985f4"
            "ddc583"
        ),
    },
    Lengths {
        bytes: 2049,
        hash: hex!("5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"),
        keyed: hex!("9f29700902f7c86e514ddc4df1e3049f258b2472b6dd5267f61bf13983b78dd5"),
        derived: hex!(
            "2ea477c5515cc3dd606512ee72bb3e0e758cfae7232826f35fb98ca1bcbdf273"
            "16d8e9e79081a80b046b60f6a263616f33ca464bd78d79fa18200d06c7fc9bff"
            "d808cc4755277a7d5e09da0f29ed150f6537ea9bed946227ff184cc66a72a5f8"
            "c1e4bd8b04e81cf40fe6dc4427ad5678311a61f4ffc39d195589bdbc670f63ae"
            "70f4b6"
        ),
    },
    Lengths {
        bytes: 3073,
        hash: hex!("7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"),
        keyed: hex!("68dede9bef00ba89e43f31a6825f4cf433389fedae75c04ee9f0cf16a427c95a"),
        derived: hex!(
            "72613c9ec9ff7e40f8f5c173784c532ad852e827dba2bf85b2ab4b76f7079081"
            "576288e552647a9d86481c2cae75c2dd4e7c5195fb9ada1ef50e9c5098c249d7"
            "43929191441301c69e1f48505a4305ec1778450ee48b8e69dc23a25960fe3307"
            "0ea549119599760a8a2d28aeca06b8c5e9ba58bc19e11fe57b6ee98aa44b2a8e"
            "6b14a5"
        ),
    },
    Lengths {
        bytes: 4097,
        hash: hex!("9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"),
        keyed: hex!("00df940cd36bb9fa7cbbc3556744e0dbc8191401afe70520ba292ee3ca80abbc"),
        derived: hex!(
            "aca51029626b55fda7117b42a7c211f8c6e9ba4fe5b7a8ca922f34299500ead8"
            "a897f66a400fed9198fd61dd2d58d382458e64e100128075fc54b860934e8de2"
            "e84170734b06e1d212a117100820dbc48292d148afa50567b8b84b1ec336ae10"
            "d40c8c975a624996e12de31abbe135d9d159375739c333798a80c64ae895e51e"
            "22f3ad"
        ),
    },
    Lengths {
        bytes: 7169,
        hash: hex!("a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817"),
        keyed: hex!("ed9b1a922c046fdb3d423ae34e143b05ca1bf28b710432857bf738bcedbfa511"),
        derived: hex!(
            "554b0a5efea9ef183f2f9b931b7497995d9eb26f5c5c6dad2b97d62fc5ac31d9"
            "9b20652c016d88ba2a611bbd761668d5eda3e568e940faae24b0d9991c3bd25a"
            "65f770b89fdcadabcb3d1a9c1cb63e69721cacf1ae69fefdcef1e3ef41bc5312"
            "ccc17222199e47a26552c6adc460cf47a72319cb5039369d0060eaea59d6c651"
            "30f1dd"
        ),
    },
    Lengths {
        bytes: 8192,
        hash: hex!("aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"),
        keyed: hex!("dc9637c8845a770b4cbf76b8daec0eebf7dc2eac11498517f08d44c8fc00d58a"),
        derived: hex!(
            "ad01d7ae4ad059b0d33baa3c01319dcf8088094d0359e5fd45d6aeaa8b2d0c3d"
            "4c9e58958553513b67f84f8eac653aeeb02ae1d5672dcecf91cd9985a0e67f45"
            "01910ecba25555395427ccc7241d70dc21c190e2aadee875e5aae6bf1912837e"
            "53411dabf7a56cbf8e4fb780432b0d7fe6cec45024a0788cf5874616407757e9"
            "e6bef7"
        ),
    },
    Lengths {
        bytes: 8193,
        hash: hex!("bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"),
        keyed: hex!("954a2a75420c8d6547e3ba5b98d963e6fa6491addc8c023189cc519821b4a1f5"),
        derived: hex!(
            "af1e0346e389b17c23200270a64aa4e1ead98c61695d917de7d5b00491c9b0f1"
            "2f20a01d6d622edf3de026a4db4e4526225debb93c1237934d71c7340bb59161"
            "58cbdafe9ac3225476b6ab57a12357db3abbad7a26c6e66290e44034fb08a20a"
            "8d0ec264f309994d2810c49cfba6989d7abb095897459f5425adb48aba07c5fb"
            "3c83c0"
        ),
    },
    Lengths {
        bytes: 16384,
        hash: hex!("f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"),
        keyed: hex!("9e9fc4eb7cf081ea7c47d1807790ed211bfec56aa25bb7037784c13c4b707b0d"),
        derived: hex!(
            "160e18b5878cd0df1c3af85eb25a0db5344d43a6fbd7a8ef4ed98d0714c3f7e1"
            "60dc0b1f09caa35f2f417b9ef309dfe5ebd67f4c9507995a531374d099cf8ae3"
            "17542e885ec6f589378864d3ea98716b3bbb65ef4ab5e0ab5bb298a501f19a41"
            "ec19af84a5e6b428ecd813b1a47ed91c9657c3fba11c406bc316768b58f6802c"
            "9e9b57"
        ),
    },
    Lengths {
        bytes: 31744,
        hash: hex!("62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"),
        keyed: hex!("efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419"),
        derived: hex!(
            "39772aef80e0ebe60596361e45b061e8f417429d529171b6764468c22928e28e"
            "9759adeb797a3fbf771b1bcea30150a020e317982bf0d6e7d14dd9f064bc1102"
            "5c25f31e81bd78a921db0174f03dd481d30e93fd8e90f8b2fee209f849f2d2a5"
            "2f31719a490fb0ba7aea1e09814ee912eba111a9fde9d5c274185f7bae8ba85d"
            "300a2b"
        ),
    },
    Lengths {
        bytes: 102400,
        hash: hex!("bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"),
        keyed: hex!("1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7"),
        derived: hex!(
            "4652cff7a3f385a6103b5c260fc1593e13c778dbe608efb092fe7ee69df6e9c6"
            "d83a3e041bc3a48df2879f4a0a3ed40e7c961c73eff740f3117a0504c2dff478"
            "6d44fb17f1549eb0ba585e40ec29bf7732f0b7e286ff8acddc4cb1e23b87ff5d"
            "824a986458dcc6a04ac83969b80637562953df51ed1a7e90a7926924d2763778"
            "be8560"
        ),
    },
];
