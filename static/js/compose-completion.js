// What can stand at a place of a Compose file: keys and words of the specification's schema, and names of the file.
"use strict";

// What the schema says of the places that `path` leads to: several, where it allows one of several forms.
function composeSchemas(schema, path) {
  let found = composeForms(schema, [schema]);
  for (const name of path) found = composeForms(schema, found.flatMap((form) => composeStep(form, name)));
  return found;
}

// `forms` with what they refer to in their place.
function composeForms(schema, forms) {
  const all = [];
  const seen = new Set();
  const take = (form, told) => {
    if (typeof form !== "object" || form === null || seen.has(form)) return;
    seen.add(form);
    const description = form.description ?? told;
    all.push(description === form.description ? form : { ...form, description });
    if (form.$ref) take(form.$ref.slice(2).split("/").reduce((part, key) => part[key], schema), description);
    for (const several of ["allOf", "oneOf", "anyOf"]) for (const one of form[several] ?? []) take(one, description);
  };
  for (const form of forms) take(form);
  return all;
}

function composeStep(form, name) {
  if (name === "[]") return form.items ? [form.items] : [];
  if (form.properties && Object.hasOwn(form.properties, name)) return [form.properties[name]];
  const fits = Object.entries(form.patternProperties ?? {}).filter(([pattern]) => new RegExp(pattern, "u").test(name));
  if (fits.length) return fits.map(([, found]) => found);
  return typeof form.additionalProperties === "object" ? [form.additionalProperties] : [];
}

// Sections whose names can stand at `path`, as a key or an item (of a list, or as the value itself).
const COMPOSE_NAMES = [
  [/^services\/[^/]+\/(depends_on|volumes_from|links)(\/\[\])?$/, "services"],
  [/^services\/[^/]+\/extends(\/service)?$/, "services"],
  [/^services\/[^/]+\/(networks|secrets|configs|volumes|models)(\/\[\](\/source)?)?$/, null],
  [/^services\/[^/]+\/build\/secrets(\/\[\](\/source)?)?$/, "secrets"],
];

// Words that the specification's text names and its schema does not.
const COMPOSE_WORDS = [
  [/^services\/[^/]+\/restart$/, ['"no"', "always", "on-failure", "unless-stopped"]],
  [/^services\/[^/]+\/pull_policy$/, ["always", "missing", "never", "build", "daily", "weekly"]],
  [/^services\/[^/]+\/network_mode$/, ["bridge", "host", "none"]],
  [/^services\/[^/]+\/volumes\/\[\]\/type$/, ["bind", "volume", "tmpfs"]],
];

function composeSection(path) {
  const place = path.join("/");
  for (const [pattern, section] of COMPOSE_NAMES) {
    const match = pattern.exec(place);
    if (match) return section ?? match[1];
  }
  return null;
}

// What can be written at `position` (see composePosition): [{ label, type, info, tail }], `tail` to be put after it.
function composeOptions(schema, position, names) {
  const { kind, path } = position;
  const forms = composeSchemas(schema, path);
  const isItem = path.at(-1) === "[]";
  const options = new Map();
  const add = (label, type, info, tail = "") => {
    if (!options.has(label)) options.set(label, { label, type, info, tail });
  };
  const section = composeSection(path);
  const own = section === "services" ? path[1] : null;
  for (const name of (section && names[section]) ?? []) {
    if (name === own) continue;
    const isKey = kind === "key" && !isItem;
    const tail = isKey ? ":" : section === "volumes" && isItem ? ":/" : "";
    add(name, "variable", undefined, tail);
  }
  if (kind === "key") {
    for (const form of forms) {
      for (const [key, value] of Object.entries(form.properties ?? {})) {
        const told = composeForms(schema, [value]);
        add(key, "property", told.find((one) => one.description)?.description, composeTail(told));
      }
    }
  }
  if (kind === "value" || isItem) {
    const place = path.join("/");
    for (const [pattern, words] of COMPOSE_WORDS) if (pattern.test(place)) for (const word of words) add(word, "enum");
    for (const form of forms) {
      for (const word of form.enum ?? []) add(String(word), "enum");
      if ([form.type].flat().includes("boolean")) for (const word of ["true", "false"]) add(word, "enum");
    }
  }
  return [...options.values()];
}

// What comes after a key: its value in the same line where that can be one, else what begins below.
function composeTail(forms) {
  const types = new Set(forms.flatMap((form) => form.type ?? []));
  if (["string", "number", "integer", "boolean"].some((type) => types.has(type))) return ": ";
  return types.has("array") && !types.has("object") ? ":\n- " : types.has("object") ? ":\n" : ": ";
}
