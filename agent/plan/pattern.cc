#include "agent/plan/pattern.h"

#include <algorithm>
#include <cctype>

#include "agent/base/text.h"

namespace obhut::plan {
namespace {

constexpr std::size_t kMaxPattern = 4096;

unsigned char lower(unsigned char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<unsigned char>(c - 'A' + 'a') : c;
}
unsigned char upper(unsigned char c) {
  return c >= 'a' && c <= 'z' ? static_cast<unsigned char>(c - 'a' + 'A') : c;
}

/// Git drops spaces at the end unless a backslash stands before them.
std::string_view without_trailing_spaces(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      i = std::min(i + 1, text.size() - 1);
      end = i + 1;
    } else if (text[i] != ' ') {
      end = i + 1;
    }
  }
  return text.substr(0, end);
}

/// [:name:], ASCII only, so that no locale changes what is backed up.
bool in_class(std::string_view name, unsigned char c) {
  if (name == "alnum") return std::isalnum(c) != 0;
  if (name == "alpha") return std::isalpha(c) != 0;
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "cntrl") return std::iscntrl(c) != 0;
  if (name == "digit") return std::isdigit(c) != 0;
  if (name == "graph") return std::isgraph(c) != 0;
  if (name == "lower") return std::islower(c) != 0;
  if (name == "print") return std::isprint(c) != 0;
  if (name == "punct") return std::ispunct(c) != 0;
  if (name == "space") return std::isspace(c) != 0;
  if (name == "upper") return std::isupper(c) != 0;
  if (name == "xdigit") return std::isxdigit(c) != 0;
  return false;
}

constexpr std::array<std::string_view, 12> kClasses = {"alnum", "alpha", "blank", "cntrl",
                                                       "digit", "graph", "lower", "print",
                                                       "punct", "space", "upper", "xdigit"};

}  // namespace

std::string fold_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(lower(static_cast<unsigned char>(c)));
  return out;
}

/// Turns the text after "!" and slashes into states.
class Pattern::Compiler {
 public:
  Compiler(Pattern& out, std::string_view text, bool ignore_case)
      : out_(out), text_(text), ignore_case_(ignore_case) {}

  /// False for a set that is never closed or names an unknown class.
  bool run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '*') {
        stars();
      } else if (c == '?') {
        ByteSet all;
        all.set();
        push_set(all);
        ++at_;
      } else if (c == '[') {
        if (!set()) return false;
      } else {
        if (c == '\\' && at_ + 1 < text_.size()) ++at_;
        push_byte(static_cast<unsigned char>(text_[at_++]));
      }
    }
    return true;
  }

 private:
  void push_byte(unsigned char byte) {
    out_.states_.push_back({Step::kByte, ignore_case_ ? lower(byte) : byte, 0});
  }

  void push_set(ByteSet set) {
    set.reset('/');
    out_.states_.push_back({Step::kSet, 0, static_cast<std::uint16_t>(out_.sets_.size())});
    out_.sets_.push_back(set);
  }

  void stars() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] == '*') ++at_;
    const std::string_view rest = text_.substr(at_);
    const bool whole_name = (begin == 0 || text_[begin - 1] == '/') &&
                            (rest.empty() || rest[0] == '/' || rest.starts_with("\\/"));
    if (at_ - begin < 2 || !whole_name) {
      out_.states_.push_back({Step::kRun, 0, 0});
    } else if (rest.starts_with('/')) {
      out_.states_.push_back({Step::kDeepRunSlash, 0, 0});
    } else {
      out_.states_.push_back({Step::kDeepRun, 0, 0});
    }
  }

  /// One member of a set, an escape undone; nothing at the end of the text.
  std::optional<unsigned char> member() {
    if (at_ < text_.size() && text_[at_] == '\\') ++at_;
    if (at_ >= text_.size()) return std::nullopt;
    return static_cast<unsigned char>(text_[at_++]);
  }

  /// [:name:] at the present place; nothing where there is none, false where it is unknown.
  std::optional<bool> named_class(ByteSet& set) {
    const std::size_t close = text_.find(']', at_ + 2);
    if (close == text_.npos) return false;
    if (close < at_ + 3 || text_[close - 1] != ':') return std::nullopt;
    const std::string_view name = text_.substr(at_ + 2, close - at_ - 3);
    if (std::ranges::find(kClasses, name) == kClasses.end()) return false;
    for (unsigned c = 0; c < 128; ++c) {
      if (in_class(name, static_cast<unsigned char>(c))) set.set(c);
    }
    at_ = close + 1;
    return true;
  }

  bool set() {
    ++at_;
    bool negated = false;
    if (at_ < text_.size() && (text_[at_] == '!' || text_[at_] == '^')) {
      negated = true;
      ++at_;
    }
    ByteSet set;
    bool ranged = false;  // whether a '-' here would span from `previous`
    unsigned char previous = 0;
    for (bool first = true;; first = false) {
      if (at_ >= text_.size()) return false;
      if (text_[at_] == ']' && !first) break;
      if (text_[at_] == '-' && ranged && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        const std::optional<unsigned char> last = member();
        if (!last) return false;
        for (unsigned c = previous; c <= *last; ++c) set.set(c);
        ranged = false;
        continue;
      }
      if (text_.substr(at_).starts_with("[:")) {
        const std::optional<bool> known = named_class(set);
        if (known == false) return false;
        if (known) {
          ranged = false;
          continue;
        }
      }
      const std::optional<unsigned char> byte = member();
      if (!byte) return false;
      previous = *byte;
      ranged = true;
      set.set(previous);
    }
    ++at_;
    if (ignore_case_) {
      const ByteSet exact = set;
      for (unsigned c = 0; c < 128; ++c) {
        const auto byte = static_cast<unsigned char>(c);
        if (exact.test(lower(byte)) || exact.test(upper(byte))) set.set(c);
      }
    }
    push_set(negated ? ~set : set);
    return true;
  }

  Pattern& out_;
  std::string_view text_;
  bool ignore_case_;
  std::size_t at_ = 0;
};

Result<Pattern> Pattern::compile(std::string_view text, bool ignore_case) {
  const auto bad = [&](const char* why) {
    return fail(ErrorKind::kInvalidInput,
                "pattern \"" + printable(text.substr(0, 100)) + "\": " + why);
  };
  if (text.size() > kMaxPattern) return bad("longer than 4096 bytes");
  if (text.find('\0') != text.npos) return bad("holds a NUL");
  if (text.starts_with('#')) return bad("would be a comment, write \\# for a name that starts so");
  std::string_view rest = without_trailing_spaces(text);

  Pattern out;
  if (rest.starts_with('!')) {
    out.negated_ = true;
    rest.remove_prefix(1);
  }
  if (rest.empty()) return bad("is empty");
  if (rest.ends_with('/')) {
    out.directory_only_ = true;
    rest.remove_suffix(1);
  }
  out.anchored_ = rest.find('/') != rest.npos;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  std::size_t backslashes = 0;
  while (backslashes < rest.size() && rest[rest.size() - 1 - backslashes] == '\\') ++backslashes;
  if (backslashes % 2 == 1) return bad("ends in a backslash");
  if (!Compiler(out, rest, ignore_case).run()) return bad("holds a [ that is not closed well");

  const auto is_byte = [](const State& state) { return state.step == Step::kByte; };
  const auto text_of = [](auto begin, auto end) {
    std::string joined;
    for (; begin != end; ++begin) joined.push_back(static_cast<char>(begin->byte));
    return joined;
  };
  const bool starred = !out.states_.empty() && out.states_.front().step == Step::kRun;
  if (std::ranges::all_of(out.states_, is_byte)) {
    out.literal_ = text_of(out.states_.begin(), out.states_.end());
  } else if (!out.anchored_ && starred &&
             std::all_of(out.states_.begin() + 1, out.states_.end(), is_byte)) {
    out.suffix_ = text_of(out.states_.begin() + 1, out.states_.end());
  } else {
    out.needed_ = out.longest_text();
  }
  return out;
}

std::string Pattern::longest_text() const {
  std::string longest;
  std::string text;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    // The slash after "**" may be left out with it.
    const bool optional = i > 0 && states_[i - 1].step == Step::kDeepRunSlash;
    if (states_[i].step == Step::kByte && !optional) {
      text.push_back(static_cast<char>(states_[i].byte));
    } else {
      text.clear();
    }
    if (text.size() > longest.size()) longest = text;
  }
  return longest;
}

bool Pattern::accepts(const State& state, unsigned char byte) const {
  switch (state.step) {
    case Step::kByte:
      return state.byte == byte;
    case Step::kSet:
      return sets_[state.set].test(byte);
    case Step::kRun:
      return byte != '/';
    case Step::kDeepRun:
    case Step::kDeepRunSlash:
      return true;
  }
  return false;
}

void Pattern::add(std::vector<bool>& alive, std::size_t state) const {
  while (!alive[state]) {
    alive[state] = true;
    if (state == states_.size()) return;
    const Step step = states_[state].step;
    if (step == Step::kByte || step == Step::kSet) return;
    if (step == Step::kDeepRunSlash) add(alive, state + 2);
    ++state;
  }
}

std::vector<bool> Pattern::run(std::string_view subject) const {
  std::vector<bool> alive(states_.size() + 1);
  std::vector<bool> next(states_.size() + 1);
  add(alive, 0);
  for (const char c : subject) {
    const auto byte = static_cast<unsigned char>(c);
    next.assign(next.size(), false);
    bool any = false;
    for (std::size_t i = 0; i < states_.size(); ++i) {
      if (!alive[i] || !accepts(states_[i], byte)) continue;
      const Step step = states_[i].step;
      if (step == Step::kByte || step == Step::kSet) {
        add(next, i + 1);
      } else if (step == Step::kDeepRunSlash) {
        // Once it took a byte, it may no longer be left out together with its slash. A fresh entry
        // comes from an earlier state, hence earlier in this loop.
        next[i] = true;
        add(next, i + 1);
      } else {
        add(next, i);
      }
      any = true;
    }
    if (!any) return {};
    alive.swap(next);
  }
  return alive;
}

bool Pattern::matches(std::string_view subject) const {
  if (literal_) return subject == *literal_;
  if (suffix_) return subject.ends_with(*suffix_);
  if (subject.find(needed_) == subject.npos) return false;
  const std::vector<bool> alive = run(subject);
  return !alive.empty() && alive.back();
}

bool Pattern::may_match_below(std::string_view path) const {
  if (!anchored_) return true;
  const std::vector<bool> alive = run(std::string(path) + "/");
  // The end state alone would be a match with a trailing slash, and nothing follows it.
  return std::ranges::find(alive.begin(), alive.empty() ? alive.end() : alive.end() - 1, true) !=
         (alive.empty() ? alive.end() : alive.end() - 1);
}

}  // namespace obhut::plan
