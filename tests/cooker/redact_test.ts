import { assertEquals } from "@std/assert";
import { redact } from "../../cooker/redact.ts";

Deno.test("what looks like a secret in a command line is starred", () => {
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
  ];
  for (const [text, expected] of cases) assertEquals(redact(text), expected);
});

Deno.test("other command lines stay what they are", () => {
  const texts = [
    "deno test --allow-env=HOME && echo done",
    "NODE_ENV=production vite build",
    "echo https://host:8080/path user@host",
    "deno run tokenize.ts --keyboard=us",
    "echo 'the token is secret'",
  ];
  for (const text of texts) assertEquals(redact(text), text);
});
