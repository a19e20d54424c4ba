//! Transcripts of the command line, most of them failures (`cli/tests/cli`). A folder `NAME.out` beside `NAME.in` makes
//! a transcript run in a copy of the latter, so that what it writes is gone afterwards.

#[test]
fn transcripts_hold() {
    trycmd::TestCases::new()
        .env("MEDPROOF_KEYS", "keys")
        .case("tests/cli/*.trycmd");
}
