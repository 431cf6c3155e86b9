// Loaded into a process that is measured (`node --import`): when it ends, it writes what its processor did, for Chrome's
// developer tools. `--cpu-prof` would do the same, but may not be given to a process started by another one's options.
import { mkdirSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { basename, join } from "node:path";

const folder = process.env.BENCH_PROFILE;
if (folder !== undefined) {
  mkdirSync(folder, { recursive: true });
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: 500 });
  session.post("Profiler.start");
  process.once("exit", () => {
    session.post("Profiler.stop", (error, result) => {
      if (!error) {
        writeFileSync(
          join(folder, `${basename(process.argv[1] ?? "node")}-${process.pid}.cpuprofile`),
          JSON.stringify(result.profile),
        );
      }
    });
  });
}
