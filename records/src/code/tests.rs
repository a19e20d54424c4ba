use super::*;
use proptest::prelude::*;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

#[test]
fn known_packings() {
    assert_eq!(code("rxnorm|856999").packed(), (1 << 64) + 856_999);
    assert_eq!(code("loinc|4548-4").packed(), (3 << 64) + 45_484);
    // E=15, 1=2, 1=2, left-aligned in 48 bits.
    let e11 = (15u128 << 42) | (2 << 36) | (2 << 30);
    assert_eq!(code("icd10cm|E11").packed(), (4 << 64) + e11);
    assert_eq!(code("icd10cm|E11.9").packed(), (4 << 64) + e11 + (10 << 24));
    assert_eq!(Code::ABSENT.packed(), 254 << 64);
    assert_eq!(code("cvx|08"), code("cvx|8"));
    for form in ["0002-1433-80", "00002-1433-80", "00002143380"] {
        assert_eq!(code(&format!("ndc|{form}")).text(), "00002143380");
    }
}

#[test]
fn usual_text_comes_back() {
    for text in [
        "rxnorm|5856",
        "sct|44054006",
        "loinc|98979-8",
        "icd10cm|E11",
        "icd10cm|E11.9",
        "icd10cm|T20.211A",
        "cpt|83036",
        "cpt|0001U",
        "hcpcs|J1815",
        "ndc|00002143380",
        "cvx|08",
        "cvx|140",
        "icd10pcs|HZ30ZZZ",
        "cdt|D0120",
    ] {
        assert_eq!(code(text).to_string(), text);
        assert_eq!(Code::from_packed(code(text).packed()), Ok(code(text)));
    }
}

#[test]
fn white_space_zero_width_and_case_do_not_change_a_code() {
    for noisy in [
        "icd10cm| E11.9\t",
        "icd10cm|\u{200b}E11.9\u{feff}",
        "icd10cm|e119",
        "icd10cm|E119\u{a0}",
    ] {
        assert_eq!(code(noisy), code("icd10cm|E11.9"), "{noisy:?}");
    }
    let fhir = Code::from_fhir("http://loinc.org/", "\u{200b}4548-4").unwrap();
    assert_eq!(fhir, Some(code("loinc|4548-4")));
}

#[test]
fn malformed_codes_are_refused() {
    for bad in [
        "rxnorm|",
        "rxnorm|0",
        "rxnorm|012",
        "rxnorm|12a",
        "rxnorm|1234567890123456789",
        "rxnorm|-1",
        "loinc|4548",
        "loinc|4548-",
        "loinc|4548-44",
        "loinc|-4",
        "loinc|04548-4",
        "loinc|4548\u{2013}4",
        "icd10cm|E1",
        "icd10cm|E11.",
        "icd10cm|11E",
        "icd10cm|E1.19",
        "icd10cm|E11..9",
        "icd10cm|E11.99999",
        "icd10cm|E1\u{200b}1.9",
        "icd10cm|E11.*",
        "icd10cm|EE1",
        "cpt|8303",
        "cpt|A3036",
        "cpt|83036-26",
        "hcpcs|JJ815",
        "ndc|0002143380",
        "ndc|1-2-3",
        "ndc|00000000000",
        "cvx|0",
        "cvx|1234",
        "icd10pcs|HZ30",
        "cdt|0120",
        "icd9|250.00",
        "E11.9",
        "absent|0",
        "",
    ] {
        assert!(Code::parse(bad).is_err(), "{bad:?}");
    }
    assert_eq!(Code::from_fhir("urn:oid:1.2.3", "x"), Ok(None));
    assert!(Code::from_fhir("http://loinc.org", "abc").is_err());
    assert_eq!(
        Code::parse("icd9|250"),
        Err(CodeError::UnknownSystem("icd9".into()))
    );
    assert_eq!(Code::parse("E11.9"), Err(CodeError::NoSeparator("E11.9".into())));
    assert!(matches!(
        Code::parse("cpt|8303"),
        Err(CodeError::BadCode {
            system: CodeSystem::Cpt,
            ..
        })
    ));
    assert!(matches!(
        CodeInterval::parse("sct|44*"),
        Err(CodeError::NoPrefix {
            system: CodeSystem::SnomedCt,
            ..
        })
    ));
    let hidden = Code::parse("icd10cm|E1\u{200b}1.9").unwrap_err().to_string();
    assert!(hidden.contains("\\u{200b}"), "{hidden}");
}

#[test]
fn packed_values_without_a_text_are_refused() {
    for bad in [
        1u128,
        1 << 64,
        11 << 64,
        (4 << 64) + 1,
        (254 << 64) + 1,
        1 << 72,
        u128::MAX,
    ] {
        assert_eq!(Code::from_packed(bad), Err(CodeError::NotPacked(bad)));
    }
    assert_eq!(Code::from_packed(0), Ok(Code::NONE));
    assert_eq!(Code::from_packed(Code::ABSENT.packed()), Ok(Code::ABSENT));
}

#[test]
fn systems_have_names_uris_and_oids() {
    for system in CodeSystem::ALL {
        assert_eq!(CodeSystem::from_id(system.id()), Some(system));
        assert_eq!(CodeSystem::from_name(system.name()), Some(system));
        assert_eq!(CodeSystem::from_uri(system.uri()), Some(system));
        assert_eq!(CodeSystem::from_uri(&format!("{}/", system.uri())), Some(system));
    }
    assert_eq!(
        CodeSystem::from_uri("urn:oid:2.16.840.1.113883.6.285"),
        Some(CodeSystem::Hcpcs)
    );
    assert_eq!(CodeSystem::from_uri("http://hl7.org/fhir/sid/icd-9-cm"), None);
    assert_eq!(CodeSystem::from_uri(""), None);
}

#[test]
fn prefixes_are_intervals() {
    let e11 = CodeInterval::parse("icd10cm|E11.*").unwrap();
    for inside in ["E11", "E11.0", "E11.9", "E11.65", "E11.3599", "E11.ZZZZ"] {
        assert!(e11.contains(code(&format!("icd10cm|{inside}"))), "{inside}");
    }
    for outside in ["E10.9", "E12", "E10.ZZZZ", "O11.9"] {
        assert!(!e11.contains(code(&format!("icd10cm|{outside}"))), "{outside}");
    }
    assert!(!e11.contains(Code::NONE) && !e11.contains(Code::ABSENT));
    assert_eq!(CodeInterval::parse("icd10cm|E11*").unwrap(), e11);
    assert_eq!(e11.to_string(), "icd10cm|E11.*");
    let e116 = CodeInterval::parse("icd10cm|E11.6*").unwrap();
    assert_eq!(e116.to_string(), "icd10cm|E11.6*");
    assert!(e11.overlaps(&e116) && e116.overlaps(&e11));
    assert!(e11.lo() <= e116.lo() && e116.hi() <= e11.hi());
    let single = CodeInterval::parse("loinc|4548-4").unwrap();
    assert_eq!((single.lo(), single.hi()), (single.lo(), single.lo()));
    assert!(CodeInterval::whole(CodeSystem::Icd10Cm).contains(code("icd10cm|E11.9")));
    for bad in [
        "rxnorm|58*",
        "icd10cm|*",
        "icd10cm|.*",
        "icd10cm|E11.99999*",
        "sct|*",
        "loinc|4548-*",
    ] {
        assert!(CodeInterval::parse(bad).is_err(), "{bad}");
    }
}

/// A code of some system in its usual form.
fn any_code() -> impl Strategy<Value = String> {
    prop_oneof![
        "(rxnorm|sct)\\|[1-9][0-9]{0,17}",
        "loinc\\|[1-9][0-9]{0,7}-[0-9]",
        "icd10cm\\|[A-Z][0-9][0-9A-Z](\\.[0-9A-Z]{1,4})?",
        "icd10pcs\\|[0-9A-Z]{7}",
        "cpt\\|[0-9]{4}[0-9A-Z]",
        "hcpcs\\|[A-Z][0-9]{3}[0-9A-Z]",
        "cdt\\|D[0-9]{4}",
        "cvx\\|[1-9][0-9]{1,2}",
        "ndc\\|[1-9][0-9]{10}",
    ]
}

proptest! {
    #[test]
    fn codes_round_trip_and_are_injective(a in any_code(), b in any_code()) {
        let (x, y) = (code(&a), code(&b));
        prop_assert_eq!(x.to_string(), a.clone());
        prop_assert_eq!(Code::from_packed(x.packed()), Ok(x));
        prop_assert_eq!(x == y, a == b);
        prop_assert!(x.packed() < 1 << 72);
    }

    #[test]
    fn a_prefix_holds_what_begins_with_it(text in "[A-Z][0-9][0-9A-Z]{1,5}", length in 1usize..7, other in "[A-Z][0-9][0-9A-Z]{1,5}") {
        let prefix = &text[..length.min(text.len())];
        let interval = CodeInterval::parse(&format!("icd10cm|{prefix}*")).unwrap();
        let (inside, any) = (code(&format!("icd10cm|{text}")), code(&format!("icd10cm|{other}")));
        prop_assert!(interval.contains(inside));
        prop_assert_eq!(interval.contains(any), other.starts_with(prefix));
        prop_assert_eq!(CodeInterval::parse(&interval.to_string()), Ok(interval));
    }

    #[test]
    fn any_text_is_a_code_or_refused(system in prop::sample::select(CodeSystem::ALL.to_vec()), text in "\\PC{0,12}") {
        if let Ok(code) = Code::new(system, &text) {
            prop_assert_eq!(code.system(), Some(system));
            prop_assert_eq!(Code::from_packed(code.packed()), Ok(code));
        }
        let _ = CodeInterval::parse(&format!("{system}|{text}*"));
    }
}
