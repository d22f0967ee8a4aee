//! Adds up a table that the build script made, in threads.

#![forbid(unsafe_code)]

include!(concat!(env!("OUT_DIR"), "/squares.rs"));

fn main() {
    let threads: Vec<_> =
        SQUARES.chunks(10).map(|chunk| std::thread::spawn(move || sum::sum(chunk))).collect();
    let sums: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    println!("{sums:?} {}", sum::sum(&sums));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_one_of_squares() {
        assert_eq!(super::SQUARES[99], 9801);
        assert_eq!(sum::sum(&super::SQUARES), 328_350);
    }

    #[test]
    #[should_panic(expected = "no such thing")]
    fn panics_are_caught() {
        panic!("no such thing");
    }
}
