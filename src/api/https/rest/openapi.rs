//! The description of what is served (OpenAPI 3.1.0). A test holds it against [`super::ROUTES`], and `tests/exports/run` against openapi-spec-validator.

use serde_json::{Value, json};
use std::sync::LazyLock;

/// The whole of it.
pub(super) static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Watchfire",
            "version": "1",
            "summary": "What programs read of a node and say to it.",
            "description": "docs/serving.md says who may have what. What a consumer may not see changes no byte of what it is answered."
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "basic": [] }],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "What `watchfire consumer add` printed." },
                "basic": { "type": "http", "scheme": "basic", "description": "The consumer's name and its token." }
            },
            "parameters": {
                "key": {
                    "name": "Idempotency-Key", "in": "header",
                    "description": "The same key with the same request does nothing and tells what became of it.",
                    "schema": { "type": "string", "minLength": 1, "maxLength": 130 }
                }
            },
            "responses": {
                "problem": {
                    "description": "Why it was not done.",
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
                },
                "submission": {
                    "description": "What became of it.",
                    "headers": { "Location": { "description": "Where it is told again.", "schema": { "type": "string" } } },
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Submission" } } }
                }
            },
            "schemas": schemas()
        }
    })
});

fn paths() -> Value {
    let problem = json!({ "$ref": "#/components/responses/problem" });
    let submission = json!({ "$ref": "#/components/responses/submission" });
    let key = json!({ "$ref": "#/components/parameters/key" });
    let of = |schema: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } });
    let parameter = |name: &str, required: bool, schema: Value, description: &str| json!({ "name": name, "in": "query", "required": required, "schema": schema, "description": description });
    let tlp = || json!({ "$ref": "#/components/schemas/Tlp" });
    json!({
        "/api/v1/openapi.json": { "get": {
            "operationId": "description",
            "summary": "This description. Any token.",
            "responses": {
                "200": { "description": "It.", "content": { "application/vnd.oai.openapi+json;version=3.1": { "schema": { "type": "object" } } } },
                "default": problem
            }
        } },
        "/api/v1/indicators": {
            "get": {
                "operationId": "indicators",
                "summary": "What came, changed or went since a cursor, one JSON object a line; the last is the next cursor. Scope api.",
                "parameters": [
                    parameter("cursor", false, json!({ "type": "string" }), "Where the last answer ended; from the start without it."),
                    parameter("wait", false, json!({ "type": "integer", "minimum": 0 }), "Where there is nothing new, wait for it so many seconds."),
                    parameter("limit", false, json!({ "type": "integer", "minimum": 1 }), "So many lines at most."),
                    parameter("kind", false, json!({ "type": "string" }), "These kinds alone, with commas."),
                    parameter("tlp", false, tlp(), "Nothing more restricted.")
                ],
                "responses": {
                    "200": {
                        "description": "Lines, and as the last one the cursor. Without that line the answer broke off: ask again with the cursor before.",
                        "content": { "application/x-ndjson": { "schema": { "oneOf": [
                            { "$ref": "#/components/schemas/Indicator" },
                            { "$ref": "#/components/schemas/Removed" },
                            { "$ref": "#/components/schemas/Cursor" }
                        ] } } }
                    },
                    "410": problem,
                    "default": problem
                }
            },
            "post": {
                "operationId": "produce",
                "summary": "Say indicators, to where and under which label was settled. Scope produce.",
                "parameters": [key, parameter("tlp", false, tlp(), "A label that is stricter than the one that was settled.")],
                "requestBody": { "required": true, "content": {
                    "application/json": { "schema": { "oneOf": [
                        { "type": "array", "items": { "$ref": "#/components/schemas/Record" } },
                        { "$ref": "#/components/schemas/Record" }
                    ] } },
                    "application/x-ndjson": { "schema": { "$ref": "#/components/schemas/Record" } },
                    "text/csv": { "schema": { "type": "string" } },
                    "text/plain": { "schema": { "type": "string", "description": "One value a line." } },
                    "application/stix+json": { "schema": { "type": "object", "description": "A bundle of STIX 2.0 or 2.1." } }
                } },
                "responses": { "200": submission, "409": problem, "413": problem, "415": problem, "422": problem, "429": problem, "default": problem }
            },
            "delete": {
                "operationId": "withdraw",
                "summary": "Take back what this producer said, and nobody else here. Scope produce.",
                "parameters": [
                    parameter("value", true, json!({ "type": "string" }), "The value."),
                    parameter("reason", false, json!({ "type": "string", "maxLength": 200 }), "Why, for those who have it.")
                ],
                "responses": { "204": { "description": "It is taken back." }, "404": problem, "409": problem, "default": problem }
            }
        },
        "/api/v1/lookup": { "get": {
            "operationId": "lookup",
            "summary": "What is known of a value. Scope api.",
            "parameters": [
                parameter("value", true, json!({ "type": "string" }), "The value, defanged or not."),
                parameter("kind", false, json!({ "type": "string" }), "Its kind, where it is not the one that it looks like.")
            ],
            "responses": { "200": { "description": "Exact matches first.", "content": of("Matches") }, "default": problem }
        } },
        "/api/v1/alerts": { "get": {
            "operationId": "alerts",
            "summary": "The alerts that hold, TLP:GREEN at the most, the newest first. Scope api.",
            "responses": { "200": { "description": "Them.", "content": of("Alerts") }, "default": problem }
        } },
        "/api/v1/sightings": { "post": {
            "operationId": "sighted",
            "summary": "Tell authors what was met of what this consumer may see. Scope sight.",
            "parameters": [key],
            "requestBody": { "required": true, "content": { "application/json": { "schema": {
                "type": "array", "maxItems": 100, "items": { "$ref": "#/components/schemas/Sighting" }
            } } } },
            "responses": { "200": submission, "default": problem }
        } },
        "/api/v1/submissions/{id}": { "get": {
            "operationId": "submission",
            "summary": "What became of a request of this consumer's. Scope produce or sight.",
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }],
            "responses": { "200": submission, "404": problem, "default": problem }
        } }
    })
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let time = json!({ "type": "string", "format": "date-time" });
    let count = json!({ "type": "integer", "minimum": 0 });
    let confidence = json!({ "type": "integer", "minimum": 0, "maximum": 100 });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let tlp = json!({ "$ref": "#/components/schemas/Tlp" });
    json!({
        "Tlp": { "type": "string", "enum": ["clear", "green", "amber", "amber+strict", "red"] },
        "Indicator": {
            "type": "object",
            "required": ["type", "id", "kind", "value", "tlp", "author", "created", "modified"],
            "properties": {
                "type": { "const": "indicator" }, "id": text, "kind": text, "value": text, "tlp": tlp, "marks": texts, "author": text, "valid_from": time,
                "valid_until": time, "confidence": confidence, "labels": texts, "note": text, "source": text, "created": time, "modified": time
            }
        },
        "Removed": {
            "type": "object",
            "description": "Drop it. Ids that were never sent may be among them.",
            "required": ["type", "id", "why"],
            "properties": { "type": { "const": "removed" }, "id": text, "why": { "enum": ["withdrawn", "recalled", "expired", "relabelled"] } }
        },
        "Cursor": {
            "type": "object",
            "required": ["type", "cursor", "more"],
            "properties": { "type": { "const": "cursor" }, "cursor": text, "more": { "type": "boolean", "description": "Whether more is there already." } }
        },
        "Record": {
            "type": "object",
            "required": ["value"],
            "additionalProperties": false,
            "properties": {
                "value": text, "kind": text, "tlp": tlp, "class": { "enum": ["public", "confidential", "restricted"] },
                "pap": { "enum": ["clear", "green", "amber", "red"] }, "valid_from": time, "valid_until": time, "confidence": confidence,
                "labels": texts, "note": { "type": "string", "maxLength": 2000 }, "source": { "type": "string", "maxLength": 200 }
            }
        },
        "Sighting": {
            "type": "object",
            "required": ["value"],
            "additionalProperties": false,
            "properties": {
                "value": text, "type": { "enum": ["seen", "false-positive", "expired"] }, "count": { "type": "integer", "minimum": 1 }, "at": time,
                "anonymous": { "type": "boolean", "default": false, "description": "Told without our name, through the head of a group that has it; refused where the author would learn it." }
            }
        },
        "Submission": {
            "type": "object",
            "required": [
                "id", "at", "what", "read", "released", "waiting", "duplicate", "withheld", "invalid", "left_out", "withdrawn", "problems", "problems_more"
            ],
            "properties": {
                "id": { "type": "string", "format": "uuid" }, "at": time, "what": { "enum": ["indicators", "sightings"] }, "read": count,
                "released": { "type": "integer", "minimum": 0, "description": "Those that go out; some seconds later, where the node holds what leaves." },
                "waiting": { "type": "integer", "minimum": 0, "description": "Those that a person has to say yes to before." },
                "duplicate": count, "withheld": count, "invalid": count, "left_out": count, "withdrawn": count,
                "problems": { "type": "array", "items": {
                    "type": "object", "required": ["where", "what"], "properties": { "where": text, "what": text }
                } },
                "problems_more": count
            }
        },
        "Matches": {
            "type": "object",
            "required": ["value", "matches"],
            "properties": { "value": text, "matches": { "type": "array", "items": {
                "type": "object",
                "required": ["id", "kind", "value", "tlp", "author", "match", "state", "organisations", "disputed"],
                "properties": {
                    "id": text, "kind": text, "value": text, "tlp": tlp, "author": text, "match": text,
                    "state": { "enum": ["live", "expired", "revoked"] }, "valid_until": { "type": ["string", "null"], "format": "date-time" },
                    "confidence": { "type": ["integer", "null"] },
                    "confidence_now": { "type": ["integer", "null"], "description": "What is left of it at the beginning of the day (UTC)." },
                    "organisations": { "type": "integer", "minimum": 0, "description": "How many say the value or saw it, of what this consumer may see." },
                    "disputed": { "type": "boolean", "description": "Whether one says that it is of nothing bad while another says it or saw it." }
                }
            } } }
        },
        "Alerts": {
            "type": "object",
            "required": ["alerts"],
            "properties": { "alerts": { "type": "array", "items": {
                "type": "object",
                "required": ["id", "author", "tlp", "at", "until", "headline", "advice"],
                "properties": {
                    "id": text, "author": text, "tlp": tlp, "at": time, "until": time, "priority": text, "headline": text, "advice": text,
                    "incident_types": texts, "countries": texts, "regions": texts,
                    "indicators": { "type": "array", "items": { "type": "object", "properties": { "kind": text, "value": text } } }
                }
            } } }
        },
        "Problem": {
            "type": "object",
            "description": "RFC 9457. The type stays.",
            "required": ["type", "title", "status", "detail"],
            "properties": { "type": { "type": "string", "format": "uri" }, "title": text, "status": count, "detail": text, "hint": text }
        }
    })
}
