#include "service/endpoint/daemon.h"

#include <random>

#include "agent/base/backoff.h"
#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/places.h"

namespace obhut::endpoint {

namespace {

constexpr std::size_t kMaxToken = std::size_t{2} << 20U;
constexpr BackoffPolicy kPatience{std::chrono::seconds(1), std::chrono::minutes(10)};
/// What the cluster has refused, it will not take in a minute either; but a token may be registered
/// late, and a new one may come over the socket.
constexpr BackoffPolicy kRefusedPatience{std::chrono::seconds(30), std::chrono::hours(1)};

double chance() {
  static thread_local std::mt19937 source{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(source);
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::make(const Config& config, Clock& clock, const Log& log) {
  ASSIGN_OR_RETURN(StateFolder state, StateFolder::open(config.state));
  std::unique_ptr<Daemon> daemon(new Daemon(config, clock, log, std::move(state)));
  ASSIGN_OR_RETURN(daemon->outbox_, Outbox::open(daemon->state_, clock, log));
  ASSIGN_OR_RETURN(daemon->enrolment_, Enrolment::open(daemon->state_, clock));
  TRY(daemon->read_token_file());
  return daemon;
}

Daemon::~Daemon() = default;

Result<void> Daemon::read_token_file() {
  if (config_.token_file.empty() || enrolment_->enrolled()) return {};
  Result<Bytes> text = platform::read_file(config_.token_file, kMaxToken);
  // An installation in progress: the activation is recorded already, the file may be gone.
  if (!text && enrolment_->pending()) return {};
  if (!text) return pass_on(std::move(text.error()), "registration token");
  Result<void> begun = enrolment_->begin(as_text(*text));
  if (begun) {
    log_.info("activation recorded");
    return {};
  }
  if (!token_was_left()) return pass_on(std::move(begun.error()), config_.token_file);
  // A package was given a bad one, and nobody is there to read that: the status says it, and a
  // better one can come over the socket.
  last_error_ = "the token that the package was given: " + begun.error().message;
  last_kind_ = begun.error().kind;
  log_.error("not enrolled", field("reason", last_error_));
  forget_left_token();
  return {};
}

bool Daemon::token_was_left() const {
  const std::string& left = platform::standard_places().left_token;
  return !left.empty() && config_.token_file == left;
}

void Daemon::forget_left_token() {
  // ignored: it is of no use to anybody now.
  if (token_was_left()) static_cast<void>(platform::remove_file(config_.token_file));
}

Result<void> Daemon::enroll(std::string_view token) {
  {
    const std::scoped_lock lock(mutex_);
    TRY(enrolment_->begin(token));
    ++asked_;
    if (enrolment_->enrolled()) answered_ = asked_;
  }
  changed_.notify_all();
  return {};
}

EnrolmentView Daemon::enrolment() const {
  const std::scoped_lock lock(mutex_);
  EnrolmentView view;
  view.enrolled = enrolment_->enrolled();
  view.pending = enrolment_->pending();
  if (view.enrolled) view.identity = enrolment_->identity();
  view.last_error = last_error_;
  view.last_kind = last_kind_;
  return view;
}

EnrolmentView Daemon::wait_enrolled(std::chrono::milliseconds time) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [&] { return answered_ >= asked_; });
  }
  return enrolment();
}

Engine* Daemon::engine() {
  const std::scoped_lock lock(mutex_);
  return engine_.get();
}

std::optional<std::chrono::milliseconds> Daemon::report_activation(unsigned attempt,
                                                                   std::stop_token stop) {
  // A copy, so that the socket is answered while the network takes its time.
  std::optional<Enrolment> trying;
  std::uint64_t asked = 0;
  {
    const std::scoped_lock lock(mutex_);
    trying = enrolment_->again();
    asked = asked_;
  }
  wire::CpprestTransport transport(
      {.ca_pem = {}, .spki_pin = trying->token().ca_pin},
      [this](const std::string& url) { return ways_out(config_, {}, url); });
  wire::ControlClient cluster(transport, clock_, trying->token().cluster);
  const Result<void> finished = trying->finish(cluster, stop);
  const std::scoped_lock lock(mutex_);
  if (finished) {
    enrolment_ = std::move(trying);
    last_error_.clear();
    log_.info("enrolled", field("device", enrolment_->identity().device));
    outbox_->clear("enrolment-failed");
    forget_left_token();
  } else {
    last_error_ = finished.error().message;
    last_kind_ = finished.error().kind;
    if (attempt == 1) log_.warn("enrolment not reported yet", field("reason", last_error_));
  }
  answered_ = asked;
  changed_.notify_all();
  if (finished) return std::nullopt;
  const bool later = disposition_of(finished.error().kind) == Disposition::kRetry;
  return backoff_delay(later ? kPatience : kRefusedPatience, attempt, chance());
}

Result<void> Daemon::start_engine() {
  const std::scoped_lock lock(mutex_);
  ASSIGN_OR_RETURN(engine_, Engine::make(state_, clock_, log_, *outbox_, enrolment_->identity(),
                                         enrolment_->device_key(), config_));
  engine_->start();
  return {};
}

Result<void> Daemon::run(std::stop_token stop) {
  unsigned attempt = 0;
  for (;;) {
    std::chrono::milliseconds pause = std::chrono::hours(1);
    const EnrolmentView view = enrolment();
    if (view.enrolled) break;
    if (view.pending) {
      const auto again = report_activation(++attempt, stop);
      if (!again) continue;
      pause = *again;
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, stop, pause, [&] { return asked_ > answered_; })) attempt = 0;
    if (stop.stop_requested()) return {};
  }
  TRY(start_engine());
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [] { return false; });
  lock.unlock();
  log_.info("stopping");
  return {};
}

}  // namespace obhut::endpoint
