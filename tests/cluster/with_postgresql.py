#!/usr/bin/env python3
"""Runs a command beside a PostgreSQL server of its own, which goes with it.

The server lives in a temporary folder, belongs to nobody in particular, listens on a Unix socket
there, and is told of as OBHUT_TEST_POSTGRESQL: a connection URL whose "{}" stands for the database.

usage: with_postgresql.py COMMAND …
"""
import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile


def newest_binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda path: int(path.split("/")[4]))
    if not found:
        sys.exit("no PostgreSQL here: install the package postgresql (`tools/dev/setup tests` does)")
    return os.path.dirname(found[-1])


def owner():
    """PostgreSQL does not run as root."""
    if os.getuid() != 0:
        return {}, os.getuid(), os.getgid()
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}, nobody.pw_uid, \
        nobody.pw_gid


def main():
    binaries = newest_binaries()
    who, uid, gid = owner()
    folder = tempfile.mkdtemp(prefix="obhut-pg-", dir="/tmp")
    os.chown(folder, uid, gid)
    data = os.path.join(folder, "data")

    def tool(name, *arguments):
        done = subprocess.run([os.path.join(binaries, name), *arguments], cwd=folder,
                              capture_output=True, text=True, check=False, **who)
        if done.returncode != 0:
            log = os.path.join(folder, "log")
            if os.path.exists(log):
                with open(log, encoding="utf-8") as text:
                    sys.stderr.write(text.read())
            sys.exit(f"{name}: {done.stdout}{done.stderr}")

    started = False
    try:
        tool("initdb", "-D", data, "-U", "obhut", "-A", "trust", "-E", "UTF8", "--no-sync")
        # Crashes of the server are not what is tested: no fsync, unless a yardstick asks for it
        # (OBHUT_POSTGRESQL_FSYNC=on). Long-lived pools: many connections.
        fsync = os.environ.get("OBHUT_POSTGRESQL_FSYNC", "off")
        tool("pg_ctl", "-D", data, "-l", os.path.join(folder, "log"), "-w", "-o",
             f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync={fsync}"
             " -c max_connections=400", "start")
        started = True
        environment = dict(os.environ, PATH=binaries + ":" + os.environ["PATH"],
                           OBHUT_TEST_POSTGRESQL=f"postgresql://obhut@/{{}}?host={folder}")
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        if started:
            tool("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
