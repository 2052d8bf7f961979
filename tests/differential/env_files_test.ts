/** Compares how simmer and `deno task --env-file` read env files. */

import { assert, assertEquals, equal } from "@std/assert";
import { envFileVariables } from "../../client/args/env_files.ts";

/** The environment of the call, in addition to PATH. */
const SET = { SET: "set", EMPTY: "", HOME: "/home/x" };

/** Contents of `.env`. */
const TEXTS: readonly string[] = [
  "",
  "\n\n\n",
  "A",
  "A=",
  "A=\nB=1",
  "A= \nB=1",
  "A=1",
  "A=1\n",
  "A=1\r\nB=2\r\n",
  "A=1\rB=2",
  "  A  =  1  \n\tB\t=\t2\t",
  "# comment\nA=1 # comment\nB='1' # comment\nC=a#b",
  "#A=1\n #B=2\nC=3",
  'A=one\nB=${A}/x\nC="$A"\nA=two\nD=$A',
  "A='one'\nB='$A'\nC=`$A`\nD=\"$A\"",
  "A=$SET\nB=${SET}\nC=$EMPTY.\nD=$NOTHING.\nE=${NOTHING}",
  "SET=other\nA=$SET\nEMPTY=filled",
  "A=\\$SET\nB='\\$SET'\nC=\"\\$SET\"\nD=a\\\\$SET",
  "A=$\nB=a$\nC=$$\nD=$ x\nE=$-\nF=$1",
  "A=${\nB=${SET\nC=a${}b\nD=${SET}}\nE=$SET-$SET",
  "A=${SET:-x}\nB=${ SET }\nC=$SETX\nD=$SET_",
  'A="a\\nb"\nB=\'a\\nb\'\nC=a\\nb\nD="a\\tb"',
  "A=\"two\nlines\"\nB='two\nlines'\nC=`two\nlines`\nD=1",
  'A="not closed\nB=1',
  "A='not closed\nB=1'",
  "A=`not closed",
  'A="not closed',
  "A='it''s'\nB=\"a\" b\nC='a' # 'b'",
  "A='a 'b' c'\nB=\"{\"a\": \"b\"}\"\nC='x' y 'z' # w 'v'",
  "A=it's\nB=a\"b\nC=\"a'b\"\nD='a\"b'",
  "export A=1\nexport  B=2\nexport\tC=3\nexportD=4\nexport =5",
  "export A=\nB = 2\nC =\nD= 4",
  "A.b-c=1\nA B=2\n1=3\nÄ=ä €",
  "A=1=2=3\nB==\nC=a=b # c",
  "no assignment\nA=1\nno more\n\nB=2",
  "A=1\n   \n\t\nB=2\n \n",
  " =1\nA=2",
  "A=  # only a comment\nB=#\nC= x # y # z",
  "A=\u00a0x\u00a0\nB=\ta\tb\t",
  "\ufeffA=1\nB=2",
  "A=1\nB=x\u0000y\nC=3",
  "DENO_CONNECTED=1\ndeno_deploy_tunnel_endpoint=2\nA=1",
  "A=$B\nB=1\nC=$B",
  "A=1\nA=2\nA=3\nB=$A",
  "__proto__=p\nconstructor=c\ntoString=t\nA=$constructor$__proto__",
  'A="$SET\\n$SET"\nB="\\\\$SET"',
  "A=\"x\" \nB='y'\t\nC=`z`  # c",
  "A=a\\\nB=b",
  "A=very ${SET} long ${HOME} value with $EMPTY nothing",
  'A=""\nB=\'\'\nC=``\nD="" # c',
  "PATH=/nowhere\nA=$PATH",
  'A="one""two"\nB=\'one\'"two"',
];

interface Case {
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Options on the command line. */
  readonly options: readonly string[];
  readonly folder?: string;
}

const ONE = ["--env-file"];
const TWO = { ".env": "A=1\nB=$A\nC=1\nF=.env", "b.env": "A=2\nC=$A$B\nD=$C\nF=b" };

const CASES: readonly Case[] = [
  ...TEXTS.map((text) => ({ files: { ".env": text }, options: ONE })),
  { files: TWO, options: ["--env-file=b.env"] },
  { files: TWO, options: ["--env-file", "--env-file=b.env"] },
  { files: TWO, options: ["--env-file=b.env", "--env-file"] },
  { files: TWO, options: ["--env-file=b.env", "--env-file=.env"] },
  { files: TWO, options: ["--env-file=.env", "--env-file=b.env", "--env-file=.env"] },
  { files: TWO, options: ["--env-file=b.env", "--env-file=none.env", "--env"] },
  { files: TWO, options: ["--env=b.env"] },
  { files: TWO, options: ["--env-file="] },
  { files: { ".env/x": "A=1", "b.env": "B=1" }, options: ["--env-file=b.env", "--env-file=.env"] },
  { files: { ".env": "A=1", "sub/x": "" }, options: ONE, folder: "sub" },
  { files: { ".env": "A=1", "sub/.env": "A=2" }, options: ONE, folder: "sub" },
  { files: { ".env": "A=1", "sub/.env/x": "" }, options: ONE, folder: "sub" },
  { files: { ".env": "A=1", "sub/x": "" }, options: ["--env-file=../.env"], folder: "sub" },
  { files: { ".env": "A=1", "x": "" }, options: ["--env-file=x/.env"] },
  { files: { ".env": Uint8Array.of(0x41, 0x3d, 0xff, 0x0a), "b": "" }, options: ONE },
  { files: { ".env": "A=1", "sub/.env": "A=2" }, options: ["--cwd", "sub", "--env-file"] },
];

/** Variables that are set without an env file, or that differ between processes. */
const OWN = /^(PATH|PWD|INIT_CWD|npm_config_user_agent|SET|EMPTY|HOME|_|SHLVL)$/;

async function expected(root: string, { options, folder = "" }: Case): Promise<unknown> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", ...options, "env"],
    cwd: `${root}/${folder}`,
    clearEnv: true,
    env: { ...SET, PATH: "/usr/bin:/bin" },
    stdin: "null",
    stderr: "null",
  }).output();
  assertEquals(code, 0, `deno task ${options.join(" ")}`);
  const variables = new TextDecoder().decode(stdout).split("\0").slice(0, -1).map((each) => {
    const at = each.indexOf("=");
    return [each.slice(0, at), each.slice(at + 1)];
  });
  return Object.fromEntries(variables.filter(([name = ""]) => !OWN.test(name)).sort());
}

function names(options: readonly string[]): string[] {
  const files = options.filter((option) => option.startsWith("--env"));
  const bare = files.filter((option) => !option.includes("="));
  const given = files.filter((option) => option.includes("="));
  return [
    ...bare.map(() => ".env"),
    ...given.map((option) => option.slice(option.indexOf("=") + 1)),
  ];
}

Deno.test("env files set the same variables as with deno task, including odd files", async () => {
  const todo = [...CASES];
  const differences: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let each = todo.shift(); each !== undefined; each = todo.shift()) {
      const root = await Deno.realPath(await Deno.makeTempDir());
      await Deno.writeTextFile(`${root}/deno.json`, '{ "tasks": { "env": "/usr/bin/env -0" } }');
      for (const [path, content] of Object.entries(each.files)) {
        await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
        const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
        await Deno.writeFile(`${root}/${path}`, bytes);
      }
      const theirs = await expected(root, each);
      const variables = envFileVariables({
        names: names(each.options),
        folder: `${root}/${each.folder ?? ""}`.replace(/\/$/, ""),
        env: { ...SET, PATH: "/usr/bin:/bin" },
        say: () => {},
      });
      const ours = Object.fromEntries(
        Object.entries(variables).filter(([name]) => !OWN.test(name)).sort(),
      );
      if (!equal(ours, theirs)) differences.push({ ...each, ours, theirs });
      await Deno.remove(root, { recursive: true });
    }
  };
  await Promise.all([work(), work()]);
  assertEquals(differences, []);
  assert(CASES.length >= 60);
});

Deno.test("an assignment without a name is skipped, although deno task panics", () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/.env`, "A=1\n=\nB=2\n  = \nC=3");
  const said: string[] = [];
  const request = { names: [".env"], folder, env: {}, say: (text: string) => void said.push(text) };
  assertEquals(envFileVariables(request), { A: "1", B: "2", C: "3" });
  assertEquals(said, []);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("a problem with an env file is a warning that names the file, and the variable if there is one", () => {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  Deno.mkdirSync(`${folder}/folder`);
  Deno.writeTextFileSync(`${folder}/nul`, "A=1\nB=\u0000\nC=3");
  Deno.writeTextFileSync(`${folder}/deno`, "DENO_CONNECTED=1");
  Deno.writeFileSync(`${folder}/binary`, Uint8Array.of(0xff));
  const said: string[] = [];
  const names = ["nothing.env", "folder", "nul", "deno", "binary"];
  const say = (text: string): void => void said.push(text);
  assertEquals(envFileVariables({ names, folder, env: {}, say }), { A: "1" });
  assertEquals(said.map((text) => text.replaceAll(folder, "~")).toReversed(), [
    "warning: there is no env file 'nothing.env' in ~ or above it",
    "warning: Cannot read env file ~/folder: it is a folder, not a regular file",
    "warning: env file ~/nul is read only up to B, whose value has a NUL character",
    "warning: DENO_CONNECTED of env file ~/deno is ignored: it controls Deno itself",
    "warning: Cannot read env file ~/binary: it is not UTF-8",
  ]);
  Deno.removeSync(folder, { recursive: true });
});
