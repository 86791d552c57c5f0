"""The first program inside the sandbox: it gives up what it does not need and becomes the kernel.

It runs as a script, with the standard library alone, before anything of the student's.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import struct
import sys

# System calls that give memory which no bound counts, file systems and rights in a name space of one's own, or a
# hold on other processes: shmget, semget, msgget, memfd_create, unshare, setns, mount, umount2, pivot_root, ptrace,
# process_vm_*, add_key, request_key, keyctl, perf_event_open, bpf, userfaultfd; and, with the same numbers everywhere,
# io_uring_setup, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, memfd_secret.
_EVERYWHERE = (425, 428, 429, 430, 431, 432, 433, 442, 447)
_MACHINES = {  # the kernel's name of the machine, its number of clone, and of the calls above
    "x86_64": (0xC000003E, 56, "29 64 68 319 272 308 165 166 155 101 310 311 248 249 250 298 321 323"),
    "aarch64": (0xC00000B7, 220, "194 190 186 279 97 268 40 39 41 117 270 271 217 218 219 241 280 282"),
}
_CLONE3, _X32, _NEW_USER_SPACE = 435, 0x40000000, 0x10000000


def main() -> None:
    """Bound this process and its children, drop root's rights if it has them, and become an IPython kernel."""
    connection_file, bounds = sys.argv[1], json.loads(sys.argv[2])
    for name, value in bounds["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if os.getuid() == 0 and bounds["user"]:
        # Root is bound by no limit on processes and could undo every other.
        os.chown(connection_file, bounds["user"], bounds["user"])
        os.setgroups([])
        os.setresgid(bounds["user"], bounds["user"], bounds["user"])
        os.setresuid(bounds["user"], bounds["user"], bounds["user"])
    refuse_calls()
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", connection_file, "--HistoryManager.enabled=False"]
    os.execv(sys.executable, kernel)


def refuse_calls() -> None:
    """Let the Linux kernel refuse, for good, what a submission needs for nothing but to get round its bounds."""
    if platform.machine() not in _MACHINES:
        return
    machine, clone, refused = _MACHINES[platform.machine()]
    load, equal, least, has_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06  # of the Berkeley packet filter
    allowed, no, unknown = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
    program = [(load, 0, 0, 4), (equal, 1, 0, machine), (give, 0, 0, no), (load, 0, 0, 0)]
    program += [(least, 0, 1, _X32), (give, 0, 0, no)]
    for number in (*map(int, refused.split()), *_EVERYWHERE):
        program += [(equal, 0, 1, number), (give, 0, 0, no)]
    program += [(equal, 0, 1, _CLONE3), (give, 0, 0, unknown)]  # its flags cannot be read here; clone then serves
    program += [(equal, 0, 3, clone), (load, 0, 0, 16), (has_bit, 0, 1, _NEW_USER_SPACE), (give, 0, 0, no)]
    program += [(give, 0, 0, allowed)]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    header = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(filters)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header, 0, 0):  # no new privileges; this filter
        raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


if __name__ == "__main__":
    main()
