"""The benchmark suite behind tools/bench/run.

    workloads   what is backed up, how it is made and changed, and the steps measured on it
    generate    seeded data: trees of small files, images, copies
    programs    the command lines of each program, and how it is found
    measuring   one command: wall, CPU, peak memory, and what the rest of the machine did
    room        the work folder: free space, warm pages, trees that wait for deletion
    runner      the order of all this
    targets     what Obhut has to reach, as data
    report, chart   markdown, JSON, SVG
"""


class SuiteError(Exception):
    """Ends the run; one line that names the thing and the way out."""
