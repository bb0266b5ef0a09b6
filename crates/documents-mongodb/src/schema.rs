//! Validators and indexes, made at the first use. Instances that make them at once make the same.

use mongodb::Database;
use mongodb::bson::{Document, doc};
use mongodb::error::Result;

use crate::failure::{code, is_command};
use crate::link::name;
use crate::options::Options;

pub(crate) async fn prepare(database: &Database, options: &Options) -> Result<()> {
    for (name, validator, indexes) in collections() {
        validate(database, name, validator, options).await?;
        if indexes.is_empty() {
            continue;
        }
        let create = doc! {
            "createIndexes": name,
            "indexes": indexes,
            "maxTimeMS": max_time(options),
        };
        database.run_command(create).await?;
    }
    Ok(())
}

/// One that is there gets the validator as well: it may be an older Bursar's.
async fn validate(database: &Database, name: &str, validator: Document, options: &Options) -> Result<()> {
    let with = |command: &str| {
        doc! { command: name, "validator": validator.clone(), "maxTimeMS": max_time(options) }
    };
    match database.run_command(with("create")).await {
        Err(error) if is_command(&error, code::NAMESPACE_EXISTS) => {
            database.run_command(with("collMod")).await.map(drop)
        }
        created => created.map(drop),
    }
}

pub(crate) fn max_time(options: &Options) -> i64 {
    i64::try_from(options.operation_timeout.as_millis()).unwrap_or(i64::MAX)
}

fn collections() -> [(&'static str, Document, Vec<Document>); 5] {
    [
        (name::PERSONS, persons(), persons_indexes()),
        (name::CARDS, cards(), vec![by("by_person", doc! { "person": 1, "_id": 1 })]),
        (name::WALLETS, wallets(), vec![by("by_person", doc! { "person": 1, "_id": 1 })]),
        (name::HISTORY, history(), vec![by("by_person", doc! { "person": 1, "position": -1 })]),
        (name::DOCUMENTS_KEY, documents_key(), Vec::new()),
    ]
}

fn by(name: &str, key: Document) -> Document {
    doc! { "name": name, "key": key }
}

/// Of those documents that have the field.
fn sparse(name: &str, field: &str, key: Document) -> Document {
    doc! { "name": name, "key": key, "partialFilterExpression": { field: { "$exists": true } } }
}

fn persons_indexes() -> Vec<Document> {
    vec![
        by("by_program", doc! { "program": 1, "_id": 1 }),
        sparse("by_email", "email_index", doc! { "email_index": 1, "_id": 1 }),
        sparse("by_phone", "phone_index", doc! { "phone_index": 1, "_id": 1 }),
        sparse("by_erasure", "erase_on", doc! { "erase_on": 1 }),
        sparse("unfinished", "unfinished", doc! { "unfinished": 1 }),
    ]
}

/// What identifies somebody is binary, for it is sealed; of an erased person there is nothing but that it was.
fn persons() -> Document {
    let sealed = doc! { "bsonType": "object", "additionalProperties": { "bsonType": "binData" } };
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "state"],
        "properties": {
            "_id": { "bsonType": "string" },
            "state": { "enum": ["known", "locked", "erased"] },
            "program": { "bsonType": "string" },
            "key": { "bsonType": "binData" },
            "fields": sealed.clone(),
            "email_index": { "bsonType": "binData" },
            "phone_index": { "bsonType": "binData" },
            "version": { "bsonType": "long" },
            "created_at_us": { "bsonType": "long" },
            "updated_at_us": { "bsonType": "long" },
            "erase_on": { "bsonType": "string" },
            "erased_at_us": { "bsonType": "long" },
            "unfinished": { "bsonType": "bool" },
            "kyc": {
                "bsonType": "object",
                "required": ["status", "fields", "transitions", "version"],
                "properties": {
                    "status": { "bsonType": "string" },
                    "fields": sealed,
                    "version": { "bsonType": "long" },
                    "retain_until": { "bsonType": "string" },
                    "transitions": { "bsonType": "array", "items": {
                        "bsonType": "object",
                        "required": ["at_us", "from", "to"],
                        "properties": { "reason": { "bsonType": "binData" } },
                    } },
                },
            },
        },
        "oneOf": [
            {
                "properties": { "state": { "enum": ["known", "locked"] } },
                "required": ["program", "key", "fields", "version", "created_at_us", "updated_at_us"],
            },
            {
                "properties": { "_id": {}, "state": { "enum": ["erased"] }, "erased_at_us": {}, "unfinished": {} },
                "required": ["erased_at_us"],
                "additionalProperties": false,
            },
        ],
    } }
}

fn cards() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "person", "account", "status", "sequence", "kept_at_us"],
        "properties": {
            "person": { "bsonType": "string" },
            "account": { "bsonType": "string" },
            "status": { "bsonType": "string" },
            "last_four": { "bsonType": "string" },
            "label": { "bsonType": "binData" },
            "sequence": { "bsonType": "long" },
            "kept_at_us": { "bsonType": "long" },
        },
    } }
}

fn wallets() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "person", "currency", "posted_minor", "held_minor", "available_minor", "sequence",
                     "kept_at_us"],
        "properties": {
            "person": { "bsonType": "string" },
            "currency": { "bsonType": "string" },
            "posted_minor": { "bsonType": "long" },
            "held_minor": { "bsonType": "long" },
            "available_minor": { "bsonType": "long" },
            "sequence": { "bsonType": "long" },
            "kept_at_us": { "bsonType": "long" },
        },
    } }
}

fn history() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "person", "position", "sequence", "status", "began_at_us", "kept_at_us"],
        "properties": {
            "person": { "bsonType": "string" },
            "position": { "bsonType": "long" },
            "sequence": { "bsonType": "long" },
            "merged_into": { "bsonType": "string" },
            "card": { "bsonType": "string" },
            "merchant": { "bsonType": "binData" },
            "category": { "bsonType": "binData" },
            "status": { "bsonType": "string" },
            "amount_minor": { "bsonType": "long" },
            "currency": { "bsonType": "string" },
            "began_at_us": { "bsonType": "long" },
            "kept_at_us": { "bsonType": "long" },
        },
    } }
}

fn documents_key() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "required": ["_id", "key_id"],
        "properties": { "_id": { "enum": ["documents_key"] }, "key_id": { "bsonType": "binData" } },
    } }
}
