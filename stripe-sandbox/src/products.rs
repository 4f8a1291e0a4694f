//! Products.

use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::State;
use crate::{list, prices};

const PATCHED: &[&str] = &[
    "name",
    "active",
    "description",
    "images",
    "marketing_features",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "unit_label",
    "url",
];

/// Makes a product of parameters in the shape of `POST /v1/products` or of a price's `product_data`.
pub(crate) fn build(state: &mut State, params: &Value) -> Result<Value, ApiError> {
    let id = params.text("id").map_or_else(|| state.id("prod"), str::to_owned);
    if state.store.find("product", &id).is_some() {
        return Err(ApiError::invalid(format!("Product already exists: {id}"))
            .code("resource_already_exists")
            .param("id"));
    }
    let now = state.now();
    let mut product = json!({
        "id": id, "object": "product", "active": true, "created": now, "default_price": null, "description": null, "images": [],
        "livemode": false, "marketing_features": [], "metadata": {}, "name": null, "package_dimensions": null, "shippable": null,
        "statement_descriptor": null, "tax_code": null, "tax_details": null, "type": params.text("type").unwrap_or("service"),
        "unit_label": null, "updated": now, "url": null,
    });
    patch(&mut product, params, PATCHED);
    merge_metadata(&mut product, params);
    Ok(product)
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let product = build(state, params)?;
    let id = product.id().to_owned();
    let price = match params.at("default_price_data") {
        Value::Null => None,
        data => {
            let mut price = prices::build(state, data, &id)?;
            price.put("metadata", data.at("metadata").as_object().cloned().unwrap_or_default());
            Some(price)
        }
    };
    state.create(product, "product.created");
    if let Some(price) = price {
        let price_id = price.id().to_owned();
        state.create(price, "price.created");
        state.update("product", &id, "product.updated", |product| product.put("default_price", price_id));
    }
    state.load("product", "product", &id).cloned()
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("product", "product", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load("product", "product", &id)?;
    if let Some(price) = params.text("default_price") {
        let known = state.named("price", "price", price, "default_price")?;
        if known.text("product") != Some(id.as_str()) {
            return Err(ApiError::invalid(format!("The price {price} does not belong to the product {id}."))
                .param("default_price"));
        }
    }
    let now = state.now();
    state.update("product", &id, "product.updated", |product| {
        patch(product, params, PATCHED);
        patch(product, params, &["default_price"]);
        merge_metadata(product, params);
        product.put("updated", now);
    });
    state.load("product", "product", &id).cloned()
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    call.state.load("product", "product", &id)?;
    if call.state.store.all("price").any(|price| price.text("product") == Some(id.as_str())) {
        return Err(ApiError::invalid(
            "This product cannot be deleted because it has one or more user-created prices.",
        ));
    }
    if let Some(product) = call.state.store.remove("product", &id) {
        call.state.emit_gone("product.deleted", &product);
    }
    Ok(json!({ "id": id, "object": "product", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let ids = params.list("ids");
    let rows = call.state.store.newest_first("product", |product| {
        (ids.is_empty() || ids.contains(product.at("id")))
            && ["active", "shippable", "type", "url"].iter().all(|name| list::same(params, name, product))
            && list::in_range(params, "created", product.int("created"))
    });
    list::page("/v1/products", "product", &rows, params)
}
