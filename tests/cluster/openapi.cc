#include "tests/cluster/openapi.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "tests/cluster/test_cluster.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  path = path.substr(0, path.find('?'));
  while (!path.empty()) {
    const std::size_t slash = path.find('/', 1);
    parts.emplace_back(path.substr(1, slash == std::string_view::npos ? slash : slash - 1));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash);
  }
  return parts;
}

bool fits(std::string_view pattern, std::string_view path) {
  const auto want = split(pattern);
  const auto have = split(path);
  if (want.size() != have.size()) return false;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!want[i].starts_with('{') && want[i] != have[i]) return false;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

struct OpenApi::State {
  /// `schema` in the words of the document, whose components it refers to.
  std::string fault(const json& schema, const json& value) {
    const json whole = {{"components", document["components"]}, {"allOf", json::array({schema})}};
    const std::string name = schema.dump();
    auto& parsed = schemas[name];
    if (!parsed) {
      parsed = std::make_unique<valijson::Schema>();
      keep.push_back(std::make_unique<json>(whole));
      valijson::SchemaParser parser;
      const valijson::adapters::NlohmannJsonAdapter adapter(*keep.back());
      parser.populateSchema(adapter, *parsed);
    }
    valijson::Validator validator;
    valijson::ValidationResults results;
    const valijson::adapters::NlohmannJsonAdapter target(value);
    if (validator.validate(*parsed, target, &results)) return "";
    std::string text;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
      for (const std::string& part : error.context) text += part;
      text += ": " + error.description + "; ";
    }
    return text;
  }

  const json* operation(std::string_view method, std::string_view path) {
    for (const auto& [pattern, item] : document["paths"].items()) {
      if (!fits(pattern, path)) continue;
      const auto found = item.find(lower(method));
      if (found != item.end()) return &*found;
    }
    return nullptr;
  }

  json document;
  std::map<std::string, std::unique_ptr<valijson::Schema>> schemas;
  std::vector<std::unique_ptr<json>> keep;
};

OpenApi::OpenApi(const std::string& file) : state_(std::make_unique<State>()) {
  std::ifstream in(file);
  state_->document = json::parse(in, nullptr, false);
  EXPECT_TRUE(state_->document.is_object()) << file;
}

OpenApi::~OpenApi() = default;

void OpenApi::hold(std::string_view method, std::string_view path, const HeaderList& headers,
                   std::string_view body, const Answered& answered) {
  const json* operation = state_->operation(method, path);
  // What is no route at all is answered by a problem document.
  const json problem = {{"$ref", "#/components/schemas/Problem"}};
  if (answered.status >= 400) {
    EXPECT_EQ(state_->fault(problem, answered.body), "") << method << " " << path << answered.text;
  }
  if (operation == nullptr) {
    EXPECT_GE(answered.status, 400) << method << " " << path << " is not in openapi.json";
    return;
  }
  const json& responses = (*operation)["responses"];
  const std::string status = std::to_string(answered.status);
  const bool known = responses.contains(status) || answered.status >= 400;
  EXPECT_TRUE(known) << method << " " << path << " answered " << status << ": not in openapi.json";
  if (answered.status >= 400 || !known) return;
  const json content = responses[status].value("content", json::object());
  if (content.empty()) {
    EXPECT_EQ(answered.text, "") << method << " " << path;
  }
  const auto type = answered.headers.find("content-type");
  const std::string media = type == answered.headers.end()
                                ? std::string()
                                : type->second.substr(0, type->second.find(';'));
  EXPECT_TRUE(content.empty() || content.contains(media))
      << method << " " << path << " answered " << media << ": not in openapi.json";
  if (media == "application/json" && content.contains(media)) {
    EXPECT_EQ(state_->fault(content[media]["schema"], answered.body), "")
        << method << " " << path << " " << answered.text;
  }
  bool is_json = false;
  for (const auto& [name, value] : headers) {
    is_json = is_json || (lower(name) == "content-type" && value == "application/json");
  }
  if (!is_json || !operation->contains("requestBody")) return;
  const json& accepted = (*operation)["requestBody"]["content"];
  EXPECT_TRUE(accepted.contains("application/json")) << method << " " << path;
  if (!accepted.contains("application/json")) return;
  EXPECT_EQ(
      state_->fault(accepted["application/json"]["schema"], json::parse(body, nullptr, false)), "")
      << method << " " << path << " was accepted though its body is not as described";
}

void OpenApi::hold_message(std::string_view body) {
  const json message = json::parse(body, nullptr, false);
  const std::string type = message.is_object() ? message.value("type", "") : "";
  ASSERT_TRUE(state_->document["webhooks"].contains(type)) << body;
  const json& content = state_->document["webhooks"][type]["post"]["requestBody"]["content"];
  EXPECT_EQ(state_->fault(content["application/json"]["schema"], message), "") << body;
}

std::set<std::string> OpenApi::operations() const {
  std::set<std::string> all;
  for (const auto& [pattern, item] : state_->document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      all.insert(upper + " " + pattern);
    }
  }
  return all;
}

std::string OpenApi::security_of(const std::string& operation) const {
  const std::size_t space = operation.find(' ');
  const json* found = state_->operation(operation.substr(0, space), operation.substr(space + 1));
  if (found == nullptr || !found->contains("security") || (*found)["security"].empty()) return "";
  std::string any;
  for (const json& one : (*found)["security"])
    any += (any.empty() ? "" : " or ") + one.begin().key();
  return any;
}

OpenApi& openapi() {
  static OpenApi document(OBHUT_OPENAPI_FILE);
  return document;
}

}  // namespace obhut::cluster::test
