"""A test module as anybody writes them: processes, threads, signals, sockets, memory."""

import ctypes
import hashlib
import mmap
import multiprocessing
import os
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest


class Small(unittest.TestCase):
    def test_processes(self):
        self.assertEqual(subprocess.check_output(["echo", "x"]), b"x\n")
        self.assertEqual(subprocess.run(["sh", "-c", "exit 5"]).returncode, 5)
        self.assertEqual(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode, -9)

    def test_pools(self):
        for method in "fork", "spawn":
            with multiprocessing.get_context(method).Pool(3) as pool:
                self.assertEqual(pool.map(abs, range(-5, 0)), [5, 4, 3, 2, 1])

    def test_threads(self):
        seen = []
        threads = [threading.Thread(target=seen.append, args=(n,)) for n in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(seen), list(range(100)))

    def test_alarms(self):
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        deadline = time.monotonic() + 60
        while len(seen) < 5 and time.monotonic() < deadline:
            time.sleep(0.005)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertGreaterEqual(len(seen), 5)

    def test_sockets(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as client:
                peer, _ = server.accept()
                with peer:
                    client.sendall(b"hello")
                    self.assertEqual(peer.recv(5), b"hello")

    def test_memory(self):
        with tempfile.TemporaryFile() as file:
            file.truncate(1 << 20)
            with mmap.mmap(file.fileno(), 0) as memory:
                memory[4096:4100] = b"text"
            file.seek(4096)
            self.assertEqual(file.read(4), b"text")

    def test_callbacks(self):
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
        array = (ctypes.c_int * 5)(3, 1, 4, 1, 5)
        compare = kind(lambda a, b: a[0] - b[0])
        ctypes.CDLL(None).qsort(array, 5, ctypes.sizeof(ctypes.c_int), compare)
        self.assertEqual(list(array), [1, 1, 3, 4, 5])

    def test_digests(self):
        text = b"x" * 100_000
        self.assertEqual(hashlib.sha256(text).hexdigest()[:8], hashlib.new("sha256", text).hexdigest()[:8])
        self.assertEqual(hashlib.sha3_256(b"").hexdigest()[:8], "a7ffc6f8")

    def test_database(self):
        database = sqlite3.connect(":memory:")
        database.execute("create table t (n integer)")
        database.executemany("insert into t values (?)", [(n,) for n in range(1000)])
        self.assertEqual(database.execute("select sum(n) from t").fetchone(), (499500,))

    def test_children_that_are_killed(self):
        pid = os.fork()
        if pid == 0:
            signal.pause()
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(os.waitpid(pid, 0)[1], signal.SIGTERM)
