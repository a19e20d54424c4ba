//! Transcripts of the command line, most of them failures (`cli/tests/cli`).

#[test]
fn transcripts_hold() {
    trycmd::TestCases::new()
        .env("MEDPROOF_KEYS", "keys")
        .case("tests/cli/*.trycmd");
}
