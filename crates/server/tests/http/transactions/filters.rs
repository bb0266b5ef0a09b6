//! The list: what each filter finds, what it excludes, and what is no filter.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use super::{following, item, listed, purchase, report, texts};
use crate::Tested;
use crate::jit::swipe;
use crate::running::Running;

/// Five purchases of two cards: amounts tell them apart.
struct World {
    server: Running,
    company: String,
    cards: [String; 2],
    cardholders: [String; 2],
    account: String,
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap_or_default().to_owned()
}

async fn world(store: Store) -> Result<World, crate::running::Error> {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("1000.00")).await?;
    let colleague = json!({"company": given.company["id"], "reference": "employee 2", "token": "user-2"});
    let colleague = server.make("/v1/cardholders", colleague).await?;
    let card = json!({"cardholder": colleague["id"], "account": given.account(), "token": "card-2", "status": "active"});
    let card = server.make("/v1/cards", card).await?;
    let cafe = json!({"id": "m-1", "mcc": "5814", "name": "Café Étoile"});
    let shop = json!({"id": "m-2", "mcc": "5411", "name": "100% Corner Shop"});
    server.make("/v1/authorizations", purchase("10.00", cafe.clone())).await?;
    let mut other = purchase("20.00", shop.clone());
    other["card"] = "card-2".into();
    server.make("/v1/authorizations", other).await?;
    let tip = server.make("/v1/authorizations", purchase("30.00", cafe)).await?;
    let captures = format!("/v1/authorizations/{}/captures", id(&tip));
    server.make(&captures, json!({"amount": "36.00", "currency": "USD", "final": true})).await?;
    let reversed = server.make("/v1/authorizations", purchase("40.00", shop.clone())).await?;
    server.make(&format!("/v1/authorizations/{}/reversals", id(&reversed)), json!({})).await?;
    server.make("/v1/authorizations", purchase("5000.00", shop)).await?;
    Ok(World {
        company: id(&given.company),
        cards: [id(&given.card), id(&card)],
        cardholders: [id(&given.cardholder), id(&colleague)],
        account: given.account().to_owned(),
        server,
    })
}

on_both_stores!(each_filter_finds_what_is_so_and_excludes_the_rest);
async fn each_filter_finds_what_is_so_and_excludes_the_rest(store: Store) -> Tested {
    let world = world(store).await?;
    let all = listed(&world.server, "").await?;
    assert_eq!(texts(&all, "amount"), ["5000.00", "40.00", "36.00", "20.00", "10.00"]);
    assert_eq!(texts(&all, "status"), ["declined", "reversed", "closed", "open", "open"]);
    let nobody = ["own_", "card_", "chld_", "acct_"].map(|prefix| format!("{prefix}{}", "0".repeat(26)));
    for (query, amounts) in [
        (format!("owner={}", world.company), "5000.00 40.00 36.00 20.00 10.00"),
        (format!("card={}", world.cards[0]), "5000.00 40.00 36.00 10.00"),
        (format!("card={}", world.cards[1]), "20.00"),
        (format!("owner={}&card={}", world.company, world.cards[1]), "20.00"),
        (format!("cardholder={}", world.cardholders[1]), "20.00"),
        (format!("cardholder={}", world.cardholders[0]), "5000.00 40.00 36.00 10.00"),
        (format!("account={}", world.account), "5000.00 40.00 36.00 20.00 10.00"),
        (format!("owner={}", nobody[0]), ""),
        (format!("card={}", nobody[1]), ""),
        (format!("cardholder={}", nobody[2]), ""),
        (format!("account={}", nobody[3]), ""),
        ("merchant=m-1".into(), "36.00 10.00"),
        ("merchant=m".into(), ""),
        ("merchant=caf%C3%89%20%C3%A9".into(), "36.00 10.00"),
        ("merchant=100%25".into(), "5000.00 40.00 20.00"),
        ("merchant=_".into(), ""),
        (format!("merchant=shop&owner={}", world.company), "5000.00 40.00 20.00"),
        ("mcc=5814".into(), "36.00 10.00"),
        ("mcc=5814,%205411".into(), "5000.00 40.00 36.00 20.00 10.00"),
        ("mcc=5999".into(), ""),
        ("status=open".into(), "20.00 10.00"),
        ("status=closed".into(), "36.00"),
        ("status=reversed".into(), "40.00"),
        ("status=declined".into(), "5000.00"),
        ("status=pending".into(), ""),
        ("status=open&limit=1".into(), "20.00 10.00"),
        ("amount_min=36&currency=USD".into(), "5000.00 40.00 36.00"),
        ("amount_min=36.01&currency=USD".into(), "5000.00 40.00"),
        ("amount_max=20.00&currency=USD".into(), "20.00 10.00"),
        ("amount_min=15&amount_max=39.99&currency=USD&limit=1".into(), "36.00 20.00"),
        ("currency=EUR".into(), ""),
    ] {
        let found = texts(&listed(&world.server, &query).await?, "amount").join(" ");
        assert_eq!(found, amounts, "{query}");
    }
    Ok(())
}

on_both_stores!(times_find_what_began_then);
async fn times_find_what_began_then(store: Store) -> Tested {
    let place = store.place();
    let clock = place.clock().clone();
    let server = Running::start_in(place, bursar_server::Settings::default()).await?;
    let given = server.given("USD", Some("100.00")).await?;
    for (hours, amount) in [(1, "1.00"), (3, "3.00"), (5, "5.00")] {
        clock.set_after_noon(jiff::SignedDuration::from_hours(hours));
        server.make("/v1/authorizations", purchase(amount, json!({}))).await?;
    }
    let began = texts(&listed(&server, "").await?, "began_at");
    for owner in [String::new(), format!("&owner={}", id(&given.company))] {
        for (query, amounts) in [
            (format!("from={}", began[1]), "5.00 3.00"),
            (format!("to={}", began[1]), "1.00"),
            (format!("from={0}&to={0}", began[1]), ""),
            (format!("from={}&to={}", began[2], began[0]), "3.00 1.00"),
            (format!("from={}&limit=1", began[2]), "5.00 3.00 1.00"),
        ] {
            let found = texts(&listed(&server, &(query.clone() + &owner)).await?, "amount").join(" ");
            assert_eq!(found, amounts, "{query}{owner}");
        }
    }
    Ok(())
}

on_both_stores!(pages_lose_and_double_nothing_while_new_purchases_come);
async fn pages_lose_and_double_nothing_while_new_purchases_come(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("1000.00")).await?;
    for number in 1..=9 {
        server.make("/v1/authorizations", purchase(&format!("{number}.00"), json!({}))).await?;
    }
    for query in [String::new(), format!("owner={}&", id(&given.company)), "status=open&".to_owned()] {
        let expected = texts(&listed(&server, &query).await?, "id");
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let page = server.get(&format!("/v1/transactions?{query}limit=2{after}")).await?.json();
            found.extend(texts(page["items"].as_array().ok_or("no items")?, "id"));
            server.make("/v1/authorizations", purchase("0.50", json!({}))).await?;
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(found, expected, "{query}");
    }
    Ok(())
}

on_both_stores!(flags_and_the_merchant_s_currency_show_in_the_list);
async fn flags_and_the_merchant_s_currency_show_in_the_list(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let mut abroad: Value = serde_json::from_str(&swipe("t-1", "1.91"))?;
    abroad["currency_conversion"] = json!({"network": {
        "original_amount": "0.39", "original_currency_code": "826", "conversion_rate": "4.894582"}});
    server.jit(&abroad.to_string()).await?;
    let mut adopted = item("authorization", "t-2", "PENDING", "5.00", "10:00:00");
    adopted["standin_approved_by"] = "COMMANDO_AUTO".into();
    report(&server, adopted).await?;
    let forced = following(item("authorization.clearing", "t-3", "COMPLETION", "7.00", "11:00:00"), "t-9");
    report(&server, forced).await?;
    server.jit(&swipe("t-4", "9.00")).await?;
    report(&server, item("authorization", "t-4", "DECLINED", "9.00", "12:00:00")).await?;
    let items = listed(&server, "").await?;
    let flags: Vec<&Value> = items.iter().map(|item| &item["flags"]).collect();
    assert_eq!(flags, [&json!(["overruled"]), &json!(["forced"]), &json!(["stand_in"]), &json!([])]);
    assert_eq!(texts(&items, "status"), ["declined", "closed", "open", "open"]);
    let first = items.last().ok_or("no items")?;
    assert_eq!((&first["merchant_amount"], &first["merchant_currency"]), (&json!("0.39"), &json!("GBP")));
    assert_eq!((&first["amount"], &first["currency"]), (&json!("1.91"), &json!("USD")));
    Ok(())
}

on_both_stores!(what_is_no_filter_is_refused_by_its_name);
async fn what_is_no_filter_is_refused_by_its_name(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("10.00")).await?;
    let (long, many) = ("x".repeat(256), vec!["5411"; 101].join(","));
    for (query, field) in [
        ("owner=7".to_owned(), "owner"),
        ("owner=card_00000000000000000000000000".into(), "owner"),
        ("card=%27%20or%201=1".into(), "card"),
        ("cardholder=".into(), "cardholder"),
        ("account=acct_".into(), "account"),
        (format!("merchant={long}"), "merchant"),
        ("mcc=541".into(), "mcc"),
        ("mcc=5411,".into(), "mcc"),
        ("mcc=5411;drop%20table%20messages".into(), "mcc"),
        (format!("mcc={many}"), "mcc"),
        ("status=lost".into(), "status"),
        ("amount_min=1".into(), "currency"),
        ("amount_min=-1&currency=USD".into(), "amount_min"),
        ("amount_max=1.001&currency=USD".into(), "amount_max"),
        ("amount_max=1e999&currency=USD".into(), "amount_max"),
        ("amount_min=2&amount_max=1&currency=USD".into(), "amount_max"),
        ("currency=dollars".into(), "currency"),
        ("from=yesterday".into(), "from"),
        ("from=-009999-01-01T00:00:00Z".into(), "from"),
        ("from=2026-11-28T00:00:00Z&to=2026-11-27T00:00:00Z".into(), "to"),
    ] {
        for path in ["/v1/transactions", "/v1/transactions.csv"] {
            let refused = server.get(&format!("{path}?{query}")).await?;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "invalid_query"), "{query}");
            assert_eq!(refused.json()["errors"][0]["field"], field, "{query}: {}", refused.text);
        }
    }
    for (path, field) in [
        ("/v1/transactions?limit=0", "limit"),
        ("/v1/transactions?after=x", "after"),
        ("/v1/transactions.csv?limit=5", "limit"),
    ] {
        let refused = server.get(path).await?;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (400, &json!(field)));
    }
    assert_eq!(server.get("/v1/transactions/msg_00000000000000000000000000").await?.status, 404);
    let stranger = server.client.get(server.url("/v1/transactions.csv")).send().await?;
    assert_eq!(stranger.status(), 401);
    Ok(())
}
