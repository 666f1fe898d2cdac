// Requests URL while it trusts only the certificates in ROOTS. Arguments: ROOTS URL.

import { readFileSync } from "node:fs";
import { get } from "node:https";

const [roots, url] = process.argv.slice(2);
get(url, { ca: readFileSync(roots) }, (answer) => {
  console.log(answer.statusCode);
  answer.resume();
}).on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
