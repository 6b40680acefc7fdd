#pragma once
// A conversation of many questions about recovery points: what a mount and the picker of
// `obhut restore -i` read them by. The vault, its index and the list of points are opened once.
//
// It begins as every request does (local_control.h):
//   {"command": "browse", "target": "", "names": true}
// and is answered by {"event": "ready"}, or by {"done": true, …} where it cannot be. With "names"
// nothing can be read, and the asker's grants open names as they do to `obhut ls`: content is read
// by a grant in one request that can be told of before it happens, and a mount is none. Then the
// client asks, and each question has one answer, in the order in which they were asked; the next
// question need not wait for the answer to the last. Whoever hangs up has ended it; so has the
// daemon after ten minutes without a question, where other grants count than did before, and when
// it stops: a client begins anew where it still has some.
//
//   {"question": "points"}
//     {"event": "answer", "points": […]}     as `obhut points --json`, as things stand now
//   {"question": "list", "point": ID, "path": "home/anna", "after": NAME, "most": 1000}
//     {"event": "answer", "entries": […], "more": bool, "faulty": bool}
//                                            in byte order of the names, from the first behind
//                                            `after`; faulty: a damaged part is missing
//   {"question": "entry", "point": ID, "path": "home/anna/letter"}
//     {"event": "answer", "entry": {…}}
//   {"question": "read", "point": ID, "path": …, "offset": n, "length": n}      1 MiB at most
//     {"event": "answer", "content": n}      and, where n > 0, one more message: these n bytes,
//                                            raw; fewer than asked for only where the file ends
//   {"event": "answer", "error": {"kind": "…", "message": "…"}}    instead of any: not-found where
//                                            the point has no such entry, source-gone where the
//                                            point is no longer kept, refused for what the asker
//                                            could not have read, corrupt for damage. An error is
//                                            that question's alone.
//
// ID is whole. Paths are relative to the root of the point, without "/" at either end. An entry:
//   {"name", "type", "mode", "uid", "gid", "user", "group", "size", "modified": [s, ns],
//    "changed": [s, ns], "links", "inode", "device", "rdev", "target", "denied": true}
// where "user", "group", "target", "rdev" and "denied" stand only where there is something to say,
// and "links", "inode", "device" only for files with several names. A name, path, target or "after"
// that is no UTF-8 stands as "name64", "path64", … in base64 instead.

#include <functional>
#include <stop_token>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/result.h"
#include "platform/local_socket.h"
#include "service/endpoint/point_reader.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

/// The grants that count for the asker now.
using GrantsNow = std::function<std::vector<HeldGrant>()>;

/// Answers until the client hangs up, is silent for too long, or `stop` is asked for. Whoever is no
/// administrator sees what that account could have read.
/// Errors: what kept it from beginning; the client is to be told.
Result<void> serve_browsing(const PointSource& source, const Asker& asker,
                            const GrantsNow& grants_now, const nlohmann::json& request,
                            platform::LocalConnection& client, const std::stop_token& stop);

}  // namespace obhut::endpoint
