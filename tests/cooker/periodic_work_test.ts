import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { IdleFunction } from "../../server/cooker.ts";
import { registerPeriodic } from "../../cooker/periodic_work.ts";
import { MemoryLogger } from "../../system/logger.ts";
import { canBeUnprivileged, unprivileged } from "../system/unprivileged.ts";
import { DirectCooker } from "./direct_cooker.ts";

/** Creates an error with a code, like errors of the operating system. */
function systemError(text: string): Error {
  return Object.assign(new Error(`${text} (os error 5)`), { code: "EIO" });
}

Deno.test("periodic work continues after a system error, which is logged once, but throws other errors", () => {
  const log = new MemoryLogger();
  const idle: IdleFunction[] = [];
  const outcomes: (number | Error)[] = [
    0.25,
    systemError("first"),
    systemError("first"),
    systemError("second"),
    0.5,
    systemError("second"),
  ];
  registerPeriodic({
    log,
    registerIdle: (_, call) => {
      idle.push(call);
      return { [Symbol.dispose]: () => {} };
    },
  }, {
    name: "looking",
    work: () => {
      const outcome = outcomes.shift();
      if (typeof outcome === "number") return outcome;
      throw outcome ?? new RangeError("a defect");
    },
  });
  const [call] = idle;
  const results = Array.from({ length: 6 }, () => call?.());
  assertEquals(results, [0.25, 1, 1, 1, 0.5, 1]);
  assertEquals(log.messages, [
    "Idle work looking failed and will be retried: first (os error 5)",
    "Idle work looking failed and will be retried: second (os error 5)",
  ]);
  assertThrows(() => call?.(), RangeError, "a defect");
});

/** Changes of a member's folder, each followed by a time in which it is unreadable. */
const CHANGES: Readonly<Record<string, (member: string) => void>> = {
  edited: (member) => writeTask(member, "two"),
  replaced: (member) => {
    Deno.renameSync(member, `${member}.old`);
    Deno.mkdirSync(member);
    writeTask(member, "two");
  },
};

function writeTask(folder: string, word: string): void {
  const tasks = { a: `echo ${word}` };
  Deno.writeTextFileSync(`${folder}/deno.json`, JSON.stringify({ tasks }));
}

for (const [name, change] of Object.entries(CHANGES)) {
  Deno.test({
    name: `a member's folder that was ${name} and briefly unreadable is still watched`,
    ignore: !canBeUnprivileged,
    fn: async () => {
      const root = Deno.realPathSync(Deno.makeTempDirSync());
      const member = `${root}/member`;
      Deno.mkdirSync(member);
      Deno.writeTextFileSync(`${root}/deno.json`, '{ "workspace": ["./member"] }');
      writeTask(member, "one");
      {
        await using cooker = new DirectCooker(root);
        const { stdout } = await cooker.run(["a"], { recursive: true });
        assertEquals(stdout, "one\n");
        await cooker.tick();
        // A user without privileges must be able to do everything except read the member.
        for (const path of ["", ".simmer", ".simmer/cookies"]) {
          Deno.chmodSync(`${root}/${path}`, 0o777);
        }
        change(member);
        Deno.chmodSync(member, 0);
        for (let tick = 0; tick < 3; tick++) unprivileged(() => cooker.tick());
        assert(cooker.log.messages.length <= 1, "one message for all that cannot be read");
        for (const message of cooker.log.messages) assertMatch(message, /onfig.*member/);
        const before = cooker.events.length;
        Deno.chmodSync(member, 0o755);
        await cooker.tick();
        assertEquals(cooker.events.slice(before), [
          { type: "ConfigChanged", files: [`${member}/deno.json`] },
        ]);
      }
      Deno.removeSync(root, { recursive: true });
    },
  });
}
