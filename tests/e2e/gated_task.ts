/** A task that waits until the test lets it go. */

/** Source of a program in Python. Adds a line to the file `begun`, and waits until `open` exists. */
export const GATED = `import os, time
open("begun", "a").write("begun\\n")
print("waiting", flush=True)
while not os.path.exists("open"):
    time.sleep(0.02)
print("passed", flush=True)
`;
