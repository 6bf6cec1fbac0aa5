"""Processes that this one starts: Ctrl-C passes them by, and they end when their parent does."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

SCRIPT = textwrap.dedent(
    """
    import os, time
    from howlkit.dataset.processes import follow_parent, starting

    def work(pipe):
        follow_parent()
        pipe.send(os.getpid())
        time.sleep(600)

    if __name__ == "__main__":
        with starting() as context:
            reader, writer = context.Pipe(duplex=False)
            context.Process(target=work, args=(writer,), daemon=True).start()
        print(reader.recv(), flush=True)
        time.sleep(600)
    """
)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_ignores_ctrl_c_and_ends_when_its_parent_is_killed(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    child = int(parent.stdout.readline())
    os.kill(child, signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):  # it holds the parent's stdout while it lives
        parent.communicate(timeout=0.5)
    os.kill(child, 0)
    parent.kill()
    parent.communicate(timeout=30)  # ends when the child does
