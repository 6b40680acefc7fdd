#pragma once
// What those who carry out the engine's work share.

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/wire/control_client.h"
#include "agent/wire/transport.h"
#include "agent/wire/upload_pace.h"
#include "service/endpoint/activities.h"
#include "service/endpoint/head_file.h"
#include "service/endpoint/identity.h"
#include "service/endpoint/local_meter.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/pause_control.h"
#include "service/endpoint/state_folder.h"
#include "service/endpoint/vault_keeper.h"

namespace obhut::endpoint {

/// What the vault in the cluster is reached by. Borrowed.
struct ClusterParts {
  Clock& clock;
  const Identity& identity;
  wire::ControlClient& control;
  wire::Transport& transport;
  wire::UploadPace& uploads;
  HeadFiles& heads;
  VaultKeeper& keeper;
};

/// Borrowed from the engine.
struct EngineParts {
  StateFolder& state;
  Clock& clock;
  Log log;
  const Identity& identity;
  wire::ControlClient& control;
  wire::Transport& transport;
  wire::UploadPace& uploads;
  HeadFiles& heads;
  VaultKeeper& keeper;
  Outbox& outbox;
  PauseControl& pauses;
  Activities& activities;
  LocalMeter& meter;

  [[nodiscard]] ClusterParts cluster() const {
    return {clock, identity, control, transport, uploads, heads, keeper};
  }
};

}  // namespace obhut::endpoint
