//! Floats: products of small matrices, and their solution by elimination.

use dagvault_workloads_guest::Random;

const SIZE: usize = 12;

type Matrix = [[f64; SIZE]; SIZE];

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut product = [[0.0; SIZE]; SIZE];
    for row in 0..SIZE {
        for column in 0..SIZE {
            for between in 0..SIZE {
                product[row][column] += a[row][between] * b[between][column];
            }
        }
    }
    product
}

fn determinant(mut matrix: Matrix) -> f64 {
    let mut determinant = 1.0;
    for step in 0..SIZE {
        let pivot = (step..SIZE).fold(step, |best, row| {
            if matrix[row][step].abs() > matrix[best][step].abs() { row } else { best }
        });
        matrix.swap(step, pivot);
        determinant *= matrix[step][step];
        for row in step + 1..SIZE {
            let factor = matrix[row][step] / matrix[step][step];
            for column in step..SIZE {
                matrix[row][column] -= factor * matrix[step][column];
            }
        }
    }
    determinant
}

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(10);
    let mut matrix = || -> Matrix {
        [[0.0; SIZE]; SIZE].map(|row| row.map(|_: f64| f64::from(random.short() % 1000) / 500.0 - 1.0))
    };
    let (a, mut b) = (matrix(), matrix());
    let mut sum = 0.0;
    for _ in 0..count {
        b = product(&a, &b);
        let norm = b.iter().flatten().map(|number| number * number).sum::<f64>().sqrt();
        b.iter_mut().flatten().for_each(|number| *number /= norm);
        sum += determinant(b);
    }
    (sum * 1e9) as i64 as u32 ^ b[3][5].to_bits() as u32
}
