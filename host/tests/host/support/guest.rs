//! Guests made for a test: they satisfy the ABI but for what the test wants to see.

use dagvault_api::SECTIONS;
use dagvault_api::{Answer, Request, Response, encode_answer};
use dagvault_core::abi::{ABI_VERSION, IMPORT_MODULE, exports};
use dagvault_core::cbor;
use dagvault_core::layout::{
    HEAP_OFFSET, MAIN_STACK_BYTES, MEMORY_PAGES_MAX, MEMORY_PAGES_MIN, STATIC_OFFSET,
};
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, InstructionSink, MemArg, MemoryType, Module, TypeSection,
    ValType,
};

/// Where requests, answers and counters of these guests are.
pub(crate) const REQUEST: u32 = HEAP_OFFSET as u32;
pub(crate) const ANSWER: u32 = HEAP_OFFSET as u32 + 0x1_0000;
pub(crate) const COUNTER: u32 = HEAP_OFFSET as u32 + 0x2_0000;

/// A row of the ABI: name, arguments, results.
type Signature = (&'static str, Vec<ValType>, Vec<ValType>);

macro_rules! table {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ident),*) -> i64;)*) => {
        fn imports() -> Vec<Signature> {
            vec![$((stringify!($name), vec![$(wasm_type(stringify!($type))),*], vec![ValType::I64])),*]
        }
    };
}
dagvault_core::abi_imports!(table);

fn wasm_type(name: &str) -> ValType {
    if name == "u64" { ValType::I64 } else { ValType::I32 }
}

/// The index of an import of the table, for `call`.
pub(crate) fn import(name: &str) -> u32 {
    u32::try_from(imports().iter().position(|row| row.0 == name).unwrap()).unwrap()
}

/// How many imports the table has: the guests' own functions follow, in the order of `functions`.
pub(crate) fn import_count() -> u32 {
    u32::try_from(imports().len()).unwrap()
}

/// Writes the body of a function; its arguments are locals from 0.
type Body = Box<dyn Fn(&mut InstructionSink<'_>)>;

/// A guest to be.
pub(crate) struct Guest {
    pub(crate) abi_version: u32,
    pub(crate) sections: Vec<(String, Vec<u8>)>,
    /// Imports of functions without arguments beside those of the table.
    pub(crate) more_imports: Vec<(&'static str, &'static str)>,
    pub(crate) pages: (u32, u32),
    pub(crate) globals: Vec<(&'static str, bool, u32)>,
    pub(crate) without_export: Option<&'static str>,
    /// `dv_call` for any request but `Version`, which is answered.
    pub(crate) call: Body,
    pub(crate) run_job: Body,
    pub(crate) alloc: Body,
}

impl Default for Guest {
    fn default() -> Self {
        let end = (STATIC_OFFSET + 4096) as u32;
        Self {
            abi_version: ABI_VERSION,
            sections: SECTIONS.iter().map(|(name, bytes)| ((*name).into(), bytes.to_vec())).collect(),
            more_imports: Vec::new(),
            pages: (MEMORY_PAGES_MIN, MEMORY_PAGES_MAX),
            globals: vec![
                (exports::STACK_POINTER, true, MAIN_STACK_BYTES as u32),
                (exports::TLS_BASE, true, 0),
                (exports::TLS_SIZE, false, 0),
                (exports::TLS_ALIGN, false, 1),
                (exports::HEAP_BASE, false, end),
                (exports::DATA_END, false, end),
            ],
            without_export: None,
            call: Box::new(|body| {
                body.unreachable();
            }),
            run_job: Box::new(|_| {}),
            alloc: Box::new(|body| {
                body.i32_const(REQUEST.cast_signed());
            }),
        }
    }
}

impl Guest {
    /// A guest whose `dv_call` has this body.
    pub(crate) fn calling(call: impl Fn(&mut InstructionSink<'_>) + 'static) -> Self {
        Self { call: Box::new(call), ..Self::default() }
    }

    /// With this body for `dv_run_job`.
    pub(crate) fn jobs(mut self, run_job: impl Fn(&mut InstructionSink<'_>) + 'static) -> Self {
        self.run_job = Box::new(run_job);
        self
    }

    /// The module.
    pub(crate) fn build(&self) -> Vec<u8> {
        let functions = self.functions();
        let mut types = TypeSection::new();
        let mut import_section = ImportSection::new();
        let memory = MemoryType {
            minimum: self.pages.0.into(),
            maximum: Some(self.pages.1.into()),
            memory64: false,
            shared: true,
            page_size_log2: None,
        };
        import_section.import("env", "memory", memory);
        let mut count = 0;
        for (name, arguments, results) in imports() {
            types.ty().function(arguments, results);
            import_section.import(IMPORT_MODULE, name, EntityType::Function(count));
            count += 1;
        }
        for (module, name) in &self.more_imports {
            types.ty().function([], []);
            import_section.import(module, name, EntityType::Function(count));
            count += 1;
        }
        let (mut function_section, mut code) = (FunctionSection::new(), CodeSection::new());
        let (mut export_section, mut globals) = (ExportSection::new(), GlobalSection::new());
        for ((name, arguments, results), body) in functions {
            types.ty().function(arguments, results);
            function_section.function(count);
            let mut function = Function::new([(2, ValType::I32)]);
            let mut sink = function.instructions();
            body(&mut sink);
            sink.end();
            code.function(&function);
            if self.without_export != Some(name) {
                export_section.export(name, ExportKind::Func, count);
            }
            count += 1;
        }
        for (index, (name, mutable, value)) in (0..).zip(&self.globals) {
            let ty = GlobalType { val_type: ValType::I32, mutable: *mutable, shared: false };
            globals.global(ty, &ConstExpr::i32_const(value.cast_signed()));
            export_section.export(name, ExportKind::Global, index);
        }
        let mut module = Module::new();
        module.section(&types).section(&import_section).section(&function_section).section(&globals);
        module.section(&export_section).section(&code);
        for (name, data) in &self.sections {
            module.section(&CustomSection { name: name.into(), data: data.into() });
        }
        module.finish()
    }

    #[allow(clippy::type_complexity, reason = "a list that is taken apart at once")]
    fn functions(&self) -> Vec<(Signature, Box<dyn Fn(&mut InstructionSink<'_>) + '_>)> {
        use ValType::{I32, I64};
        let version = self.abi_version.cast_signed();
        let call = |body: &mut InstructionSink<'_>| {
            // Anything as long as `Version` is answered, so that a test sees whether the guest lives.
            let length = i32::try_from(cbor::to_vec(&Request::Version {}).len()).unwrap();
            body.local_get(1).i32_const(length).i32_eq().if_(wasm_encoder::BlockType::Empty);
            answer(body, &Ok(Response::Text { text: "alive".into() }));
            body.return_().end();
            (self.call)(body);
        };
        vec![
            (
                (exports::ABI_VERSION, vec![], vec![I32]),
                Box::new(move |body| {
                    body.i32_const(version);
                }),
            ),
            ((exports::ALLOC, vec![I32], vec![I32]), Box::new(|body| (self.alloc)(body))),
            ((exports::FREE, vec![I32, I32], vec![]), Box::new(|_| {})),
            ((exports::CALL, vec![I32, I32], vec![I64]), Box::new(call)),
            ((exports::RUN_JOB, vec![I32, I32, I32], vec![]), Box::new(|body| (self.run_job)(body))),
            (
                (exports::HEAP, vec![I32], vec![I64]),
                Box::new(|body| {
                    body.i64_const(0);
                }),
            ),
            ((exports::INIT_TLS, vec![I32], vec![]), Box::new(|_| {})),
        ]
    }
}

/// Pushes an answer of `bytes` bytes at `place`.
pub(crate) fn packed(body: &mut InstructionSink<'_>, place: u32, bytes: u32) {
    body.i64_const((u64::from(place) << 32 | u64::from(bytes)).cast_signed());
}

/// Writes `answer` and pushes where it is.
pub(crate) fn answer(body: &mut InstructionSink<'_>, answer: &Answer) {
    let bytes = encode_answer(answer);
    for (place, byte) in (ANSWER..).zip(&bytes) {
        body.i32_const(place.cast_signed()).i32_const((*byte).into()).i32_store8(at(0));
    }
    packed(body, ANSWER, u32::try_from(bytes.len()).unwrap());
}

/// Calls an import with numbers, which are `i64` where the table says so, and drops what it answers.
pub(crate) fn call_import(body: &mut InstructionSink<'_>, name: &str, arguments: &[u32]) {
    let (_, types, _) = imports().into_iter().find(|row| row.0 == name).unwrap();
    assert_eq!(types.len(), arguments.len(), "{name}");
    for (ty, value) in types.into_iter().zip(arguments) {
        match ty {
            ValType::I64 => body.i64_const((*value).into()),
            _ => body.i32_const(value.cast_signed()),
        };
    }
    body.call(import(name)).drop();
}

/// Adds 1 to the counter at `COUNTER`.
pub(crate) fn count_one(body: &mut InstructionSink<'_>) {
    body.i32_const(COUNTER.cast_signed()).i32_const(1).i32_atomic_rmw_add(at(2)).drop();
}

/// Loops for ever.
pub(crate) fn spin(body: &mut InstructionSink<'_>) {
    body.loop_(wasm_encoder::BlockType::Empty).br(0).end();
}

pub(crate) fn at(align: u32) -> MemArg {
    MemArg { offset: 0, align, memory_index: 0 }
}
