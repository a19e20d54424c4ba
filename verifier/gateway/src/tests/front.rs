//! Who may ask what, limits, the staff's token, and the configuration.

use super::*;

#[tokio::test]
async fn each_role_asks_its_own_question_and_challenges_are_bounded() {
    let pharmacy = World::new(Role::Pharmacy);
    assert!(matches!(
        pharmacy.desk.challenge(trial(), None),
        Err(GatewayError::NotAsked(_))
    ));
    assert!(matches!(
        pharmacy.desk.challenge(counter(), Some(CircuitName::Claim)),
        Err(GatewayError::NotAsked(_))
    ));
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::new(NOW));
    let mut config = config(&dir, Role::Sponsor);
    config.open_challenges = 2;
    let desk = Desk::open(config, None, FakeLedger::new(), clock.clone()).unwrap();
    let large = desk.challenge(trial(), Some(CircuitName::EligibilityLarge));
    assert!(matches!(large, Err(GatewayError::Circuit(_))));
    assert!(desk.challenge(trial(), None).is_ok() && desk.challenge(trial(), None).is_ok());
    assert!(matches!(
        desk.challenge(trial(), None),
        Err(GatewayError::Full(_))
    ));
    // Long after their end the old ones make room.
    clock.set(NOW + 300 + 3_600);
    assert!(desk.challenge(trial(), None).is_ok());
}

#[tokio::test]
async fn staff_calls_need_the_token_and_peers_see_opaque_codes() {
    let world = World::new(Role::Sponsor);
    let service = Service::new(Arc::clone(&world.desk), "a token of enough bytes", 1);
    let request = |token: Option<&str>| {
        let mut request = tonic::Request::new(ChallengeRequest {
            asked: Some((&trial()).into()),
            circuit: String::new(),
        });
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        request
    };
    for wrong in [None, Some(""), Some("a token of enough byte")] {
        let status = service.challenge(request(wrong)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert_eq!(status.metadata().get("medproof-code").unwrap(), "token");
    }
    assert!(
        service
            .challenge(request(Some("a token of enough bytes")))
            .await
            .is_ok()
    );
    let status = tonic::Status::from(GatewayError::Full("requests"));
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert!(status.metadata().contains_key("retry-after-ms"));
    let status = tonic::Status::from(GatewayError::Post(PostError::Unavailable("10.1.2.3".into())));
    assert!(!status.message().contains("10.1.2.3"));
}

#[test]
fn a_configuration_is_checked_field_by_field() {
    let dir = tempfile::tempdir().unwrap();
    let field = |change: fn(&mut Config)| {
        let mut config = config(&dir, Role::Pharmacy);
        change(&mut config);
        config.check().err().map(|e| e.field)
    };
    assert_eq!(field(|_| ()), None);
    assert_eq!(field(|c| c.staff_token.truncate(15)), Some("staff_token"));
    assert_eq!(field(|c| c.challenge_seconds = 3_600), None);
    assert_eq!(field(|c| c.challenge_seconds = 3_601), Some("challenge_seconds"));
    assert_eq!(field(|c| c.open_challenges = 0), Some("open_challenges"));
    assert_eq!(field(|c| c.concurrent_requests = 0), Some("concurrent_requests"));
    assert_eq!(field(|c| c.utc_offset_minutes = 841), Some("utc_offset_minutes"));
    assert_eq!(field(|c| c.quorum = 1), Some("quorum"));
    assert_eq!(
        field(|c| c.cosignature_wait = c.deadline),
        Some("cosignature_seconds")
    );
    assert_eq!(
        field(|c| c.cosignature_wait = Duration::ZERO),
        Some("cosignature_seconds")
    );
    assert_eq!(field(|c| c.circuits.clear()), Some("circuits"));
    assert_eq!(field(|c| c.development = false), Some("circuits"));
}
