// Reads [{module, kind, name, manifest}] and prints what the schemas say against the values, a line each.
import { readFileSync } from "node:fs";

for (const { module, kind, name, manifest } of JSON.parse(readFileSync(0, "utf8"))) {
  const { [kind]: Model } = await import(module);
  try {
    new Model(manifest).validate();
  } catch (error) {
    console.log(`${name}: ${error.message}`);
  }
}
