# Writes OUTPUT, a source file that holds the text of SCHEMA.
file(READ ${SCHEMA} text)
file(WRITE ${OUTPUT}
"// Made from plan.schema.json by embed_schema.cmake.
#include \"agent/plan/plan_codec.h\"

namespace obhut::plan {

std::string_view plan_schema() {
  static constexpr std::string_view kText = R\"schema(${text})schema\";
  return kText;
}

}  // namespace obhut::plan
")
