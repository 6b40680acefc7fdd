#!/usr/bin/env python3
"""Sources that share a unit must not clash, or the trees under sanitizers stop building for no fault."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/dev"))
import unite  # noqa: E402


def source(inside):
    return "namespace obhut {\nnamespace {\n" + inside + "\n}  // namespace\n}  // namespace obhut\n"


class Unite(unittest.TestCase):
    def units(self, *texts):
        names = [f"{number}.cc" for number in range(len(texts))]
        return unite.units_of(names, dict(zip(names, texts)))

    def apart(self, one, other):
        self.assertEqual(self.units(source(one), source(other)), [["0.cc"], ["1.cc"]])

    def together(self, one, other):
        self.assertEqual(self.units(source(one), source(other)), [["0.cc", "1.cc"]])

    def test_lets_sources_without_a_clash_share(self):
        self.together("int one() {\n  return 1;\n}", "int two() {\n  return 2;\n}")

    def test_keeps_two_functions_of_one_name_apart(self):
        self.apart("int parse(int n) {\n  return n;\n}", "Result<std::string> parse(std::string_view text) {\n}")

    def test_keeps_two_constants_of_one_name_apart(self):
        self.apart("constexpr int kVersion = 1;", "constexpr std::uint8_t kVersion{2};")

    def test_keeps_two_arrays_of_one_name_apart(self):
        self.apart("constexpr char kMagic[4] = {};", 'constexpr std::string_view kMagic = "x";')

    def test_keeps_two_types_of_one_name_apart(self):
        self.apart("struct State {\n  int n;\n};", "enum class State : int { kOn };")

    def test_keeps_two_macros_of_one_name_apart(self):
        self.assertEqual(len(self.units("#define STEP 1\n", "#define STEP 2\n")), 2)

    def test_sees_a_name_on_a_later_line_of_its_declaration(self):
        self.apart("std::map<std::string, std::vector<int>>\n    table_of(int n) {\n}", "int table_of() {\n}")

    def test_lets_the_same_alias_be_said_twice(self):
        self.together("using json = nlohmann::json;", "using json = nlohmann::json;")

    def test_keeps_two_meanings_of_an_alias_apart(self):
        self.apart("using json = nlohmann::json;", "using json = nlohmann::ordered_json;")

    def test_takes_a_test_for_no_name(self):
        self.together("TEST(One, Holds) {\n}", "TEST(Other, Holds) {\n}")

    def test_ignores_what_stands_inside_a_function(self):
        self.together("int one() {\n  int n = 1;\n  return n;\n}", "int two() {\n  int n = 2;\n  return n;\n}")

    def test_fills_no_unit_beyond_its_size(self):
        sizes = [len(unit) for unit in self.units(*[source(f"int f{n}() {{\n}}") for n in range(20)])]
        self.assertEqual(sizes, [8, 8, 4])


if __name__ == "__main__":
    unittest.main()
