use super::guesses::{PEERS_MAX, WRONG_MAX};
use super::*;
use crate::admin::tokens::Role;

fn tokens() -> Tokens {
    let day = Tokens::default().with("day", Role::Viewer, "first-token-of-all");
    day.with("night", Role::Admin, "second-token-of-all")
}

fn head(pairs: &[(&'static str, &str)]) -> Parts {
    let mut request = http::Request::new(());
    for (name, value) in pairs {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    request.into_parts().0
}

fn sign_in(sessions: &Sessions, token: &str) -> Result<String, u16> {
    sign_in_from(sessions, "192.0.2.1", token)
}

fn sign_in_from(sessions: &Sessions, peer: &str, token: &str) -> Result<String, u16> {
    let peer = Some(peer.parse().unwrap());
    let input = SignIn { token: token.to_owned() };
    let reply = begin(sessions, &tokens(), &head(&[]), peer, &input)
        .map_err(|problem| problem.refusal().status.as_u16())?;
    Ok(reply.headers()["set-cookie"].to_str().unwrap().to_owned())
}

fn with_cookie(cookie: &str) -> HeaderMap {
    let pair = cookie.split(';').next().unwrap();
    head(&[("cookie", &format!("other=1; {pair}; invoked_sessions=x"))]).headers
}

#[test]
fn a_cookie_stands_for_the_token_until_it_is_given_up() {
    let sessions = Sessions::default();
    let cookie = sign_in(&sessions, "second-token-of-all").unwrap();
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("token"), "{cookie}");
    let headers = with_cookie(&cookie);
    let owner = sessions.owner(&headers, &tokens()).unwrap();
    assert_eq!((owner.name.as_ref(), owner.rights.role), ("night", Role::Admin));
    assert_eq!(sessions.owner(&with_cookie("invoked_session=00"), &tokens()), None);
    let mut planted = head(&[("cookie", "invoked_session=planted")]).headers;
    assert!(sessions.rights(&planted, &tokens()).is_none());
    planted.extend(headers.clone());
    planted.append("cookie", headers["cookie"].clone());
    assert!(
        sessions.rights(&planted, &tokens()).is_some()
            && sessions.owner(&planted, &tokens()).is_some()
    );

    let mut parts = head(&[]);
    parts.headers = headers.clone();
    let reply = end(&sessions, &parts);
    assert!(reply.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(sessions.owner(&headers, &tokens()), None);
}

#[test]
fn over_tls_the_cookie_is_for_tls_alone() {
    let input = SignIn { token: "first-token-of-all".to_owned() };
    for pair in [("origin", "https://ops.example:7071"), ("x-forwarded-proto", "https")] {
        let sessions = Sessions::default();
        let reply = begin(&sessions, &tokens(), &head(&[pair]), None, &input).unwrap();
        assert!(reply.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
    }
}

#[test]
fn a_session_ends_with_its_token() {
    let sessions = Sessions::default();
    let headers = with_cookie(&sign_in(&sessions, "first-token-of-all").unwrap());
    let renamed = Tokens::default().with("late", Role::Operator, "first-token-of-all");
    assert_eq!(sessions.owner(&headers, &renamed).unwrap().rights.role, Role::Operator);
    let rotated = Tokens::default().with("day", Role::Viewer, "another-token-of-all");
    assert_eq!(sessions.owner(&headers, &rotated), None);
    assert_eq!(sessions.owner(&headers, &tokens()), None, "it does not come back");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_nobody_uses_it_and_after_half_a_day() {
    let sessions = Sessions::default();
    let idle = with_cookie(&sign_in(&sessions, "first-token-of-all").unwrap());
    let used = with_cookie(&sign_in(&sessions, "first-token-of-all").unwrap());
    for _ in 0..13 {
        tokio::time::advance(Duration::from_secs(55 * 60)).await;
        // Looking after it, as a stream does, is no use of it.
        let _alive = sessions.rights(&idle, &tokens());
        assert!(sessions.owner(&used, &tokens()).is_some());
    }
    assert_eq!(sessions.owner(&idle, &tokens()), None);
    tokio::time::advance(Duration::from_secs(6 * 60)).await;
    assert_eq!(sessions.owner(&used, &tokens()), None);
}

#[tokio::test(start_paused = true)]
async fn many_wrong_tokens_are_not_looked_at() {
    let sessions = Sessions::default();
    for _ in 0..WRONG_MAX {
        assert_eq!(sign_in(&sessions, "a-guess-at-a-token"), Err(401));
    }
    assert_eq!(sign_in(&sessions, "first-token-of-all"), Err(429));
    tokio::time::advance(PATIENCE).await;
    assert!(sign_in(&sessions, "first-token-of-all").is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_guesses_keeps_only_himself_out_and_is_forgotten_in_time() {
    let sessions = Sessions::default();
    for guess in 0..=WRONG_MAX {
        let wanted = if guess < WRONG_MAX { 401 } else { 429 };
        let peer = format!("2001:db8::{guess}");
        assert_eq!(sign_in_from(&sessions, &peer, "a-guess-at-a-token"), Err(wanted), "{guess}");
    }
    assert!(sign_in_from(&sessions, "2001:db8:0:1::1", "first-token-of-all").is_ok());
    for peer in 0..=PEERS_MAX {
        let peer = format!("10.0.{}.{}", peer / 256, peer % 256);
        assert_eq!(sign_in_from(&sessions, &peer, "a-guess-at-a-token"), Err(401));
    }
    assert_eq!(sessions.state().guesses.peers(), PEERS_MAX);
    tokio::time::advance(PATIENCE * WRONG_MAX).await;
    assert_eq!(sign_in(&sessions, "a-guess-at-a-token"), Err(401));
    assert_eq!(sessions.state().guesses.peers(), 1);
}

#[test]
fn sessions_are_bounded() {
    let sessions = Sessions::default();
    let first = with_cookie(&sign_in(&sessions, "first-token-of-all").unwrap());
    for _ in 0..SESSIONS_MAX {
        sign_in(&sessions, "first-token-of-all").unwrap();
    }
    assert_eq!(sessions.state().by_cookie.len(), SESSIONS_MAX);
    assert_eq!(sessions.owner(&first, &tokens()), None);
}
