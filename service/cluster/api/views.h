#pragma once
// Our values as the API shows them.

#include <nlohmann/json_fwd.hpp>

#include "service/cluster/api/services.h"

namespace obhut::cluster::api {

nlohmann::json person_json(const Person& person);
nlohmann::json partner_json(const Partner& partner);
nlohmann::json customer_json(const Customer& customer);
nlohmann::json registration_json(const Registration& token);
nlohmann::json device_json(const Device& device);
nlohmann::json vault_json(const Vault& vault);
nlohmann::json point_json(const Point& point);
nlohmann::json plan_json(const PublishedPlan& plan);
nlohmann::json grant_json(const PublishedGrant& grant);
nlohmann::json activity_json(const Activity& activity);
nlohmann::json alert_json(const Alert& alert);
nlohmann::json webhook_json(const Webhook& webhook);
nlohmann::json delivery_json(const Delivery& delivery);

}  // namespace obhut::cluster::api
