import { assertEquals } from "@std/assert";
import { commandLine } from "../../wire/quoting.ts";
import { redact, redactArguments, shownCommandLine } from "../../wire/redact.ts";

Deno.test("redact replaces apparent secrets in a command line with stars", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["NPM_TOKEN=abc npm publish", "NPM_TOKEN=*** npm publish"],
    ["API_KEY='a b' X=1 run", "API_KEY=*** X=1 run"],
    ['DB_PASSWORD="a b" psql', "DB_PASSWORD=*** psql"],
    [JSON.stringify('DB_PASSWORD="a b" psql'), '"DB_PASSWORD=*** psql"'],
    ["curl --token=abc;ls", "curl --token=***;ls"],
    ["login --password hunter2 --user me", "login --password *** --user me"],
    ["login --password --user me", "login --password --user me"],
    ["curl -H 'Authorization: Bearer ab.c-d=' x", "curl -H 'Authorization: Bearer ***' x"],
    ["git push https://me:pw@host/a.git", "git push https://me:***@host/a.git"],
    // Quoted options and values, as arguments after '--' are shown.
    ["login '--password' 'hunter 2' me", "login '--password' *** me"],
    [`login "--api-key" "hunter \\" 2" me`, `login "--api-key" *** me`],
    ["login '--token=hunter 2' me", "login '--token=***' me"],
    [`login --token="hunter 2"' 3' me`, "login --token=*** me"],
    [String.raw`login --password $'it\'s 2' me`, "login --password *** me"],
    [String.raw`login --password hunter\ 2 me`, "login --password *** me"],
    [`login --password 'it'"'"'s 2' me`, "login --password *** me"],
    ["login --password \\\n  hunter2", "login --password \\\n  ***"],
    ["login --password -hunter2 me", "login --password *** me"],
    ["sh -c 'login --password hunter2 && ls'", "sh -c 'login --password *** && ls'"],
    [`sh -c "login --password 'a b'; ls"`, `sh -c "login --password ***; ls"`],
    ["docker run -e 'API_KEY=a b' x", "docker run -e 'API_KEY=***' x"],
    ["docker build --build-arg 'NPM_TOKEN=a b' .", "docker build --build-arg 'NPM_TOKEN=***' ."],
    ["curl -H 'X-Api-Key: a b' x", "curl -H 'X-Api-Key: ***' x"],
    [`curl -d '{"password": "a b", "x": 1}'`, `curl -d '{"password": ***, "x": 1}'`],
    // Short forms without another meaning.
    ["curl -u me:hunter2 x", "curl -u me:*** x"],
    ["curl --user 'me:hunter 2' x", "curl --user 'me:***' x"],
    ["plink -pw hunter2 host", "plink -pw *** host"],
    ["tool -password hunter2 -token=x", "tool -password *** -token=***"],
    ["tool --pass hunter2", "tool --pass ***"],
    ["MYSQL_PWD=hunter2 mysql", "MYSQL_PWD=*** mysql"],
    ["git clone https://ghp_0123456789abcdefghij@host/a", "git clone https://***@host/a"],
  ];
  for (const [text, expected] of cases) assertEquals(redact(text), expected);
});

Deno.test("redact leaves other command lines unchanged", () => {
  const texts = [
    "deno test --allow-env=HOME && echo done",
    "NODE_ENV=production vite build",
    "echo https://host:8080/path user@host",
    "deno run tokenize.ts --keyboard=us",
    "echo 'the token is secret'",
    "git commit --author me -m 'it'",
    "PWD=/tmp make -p 8080 -u -k",
    "docker run -u 1000:1000 --workdir /x image",
    "docker login --password-stdin registry < file",
    "npm publish --no-auth dir",
    "login --password; echo public",
    "can't close 'this",
  ];
  for (const text of texts) assertEquals(redact(text), text);
});

Deno.test("secret values after '--' are redacted, whatever characters they contain", () => {
  const values = [
    "hunter2",
    "a b",
    "it's",
    'say "x"',
    "$HOME",
    "`x`",
    "a\\",
    "ünï",
    "a;b",
    "x=y",
    "a\nb",
  ];
  for (const name of ["--password", "--api-key", "--client-secret", "--access-token", "-pw"]) {
    for (const value of values) {
      const args = [name, value, `${name}=${value}`, "last"];
      assertEquals(redactArguments(args), [name, "***", `${name}=***`, "last"]);
      const shown = commandLine("deploy", args);
      assertEquals(redact(shown), `deploy '${name}' *** '${name}=***' 'last'`, shown);
      const line = redact(shownCommandLine(["run", "deploy", "--", ...args]));
      assertEquals(line, `simmer run deploy -- ${name} *** ${name}=*** last`);
    }
  }
});

Deno.test("redactArguments leaves other arguments unchanged", () => {
  for (const args of [["--password"], ["--password", "--user", "me"], ["a b", ""], []]) {
    assertEquals(redactArguments(args), args);
  }
  assertEquals(shownCommandLine(["run", "a b", "it's", ""]), `simmer run 'a b' 'it'"'"'s' ''`);
});
