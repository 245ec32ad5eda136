// Gets the program `atlas-release` for a job, and tells later steps where it is:
//
// 1. the one that ATLAS_RELEASE_BIN names;
// 2. the one that the Hub (ATLAS_HUB_URL) has of this checkout's version for this machine, if this checkout
//    names a public key and the program is signed by it;
// 3. one that cargo builds from this checkout.
//
// The Hub is not trusted: what it gives out has to be signed, for exactly this product, version, platform and
// file. What is not is refused, not built around: somebody should look at it.

import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';
import { appendFileSync, chmodSync, copyFileSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECKOUT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const PRODUCT = 'cli';
const OS = { linux: 'linux', darwin: 'macos', win32: 'windows' }[process.platform];
const ARCH = { x64: 'x64', arm64: 'arm64' }[process.arch];
const COMMIT = /^[0-9a-f]{40}$/;
const EXE = process.platform === 'win32' ? '.exe' : '';

// In bytes. A program is some twenty million, a signature some hundred, a list of files some thousand.
const PROGRAM_LIMIT = 512 * 1024 * 1024;
const SIGNATURE_LIMIT = 64 * 1024;
const LIST_LIMIT = 4 * 1024 * 1024;
// In milliseconds, for one answer with its body.
const ANSWER_TIME = 10 * 60 * 1000;
// And for nothing to come at all.
const SILENCE = 20 * 1000;
const REDIRECTS = 5;

// What README.md lists as the exit codes of `atlas-release`.
const USAGE = 2;
const TOOL = 3;
const BUILD = 4;
const VERIFICATION = 8;
const MACHINE = 9;

/** A reason to end that is no defect. */
class Stop extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Nothing comes; asking again would take as long once more. */
class Silence extends Error {}

/** One line that is no command of a workflow's, whatever a server has put into it. */
function inert(text) {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ').replaceAll('##[', '# #[');
}

/** A line that GitHub shows beside the job, whatever it holds. */
function annotate(kind, message) {
  const escaped = message.replaceAll('##[', '# #[').replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  console.log(`::${kind} title=atlas-release::${escaped}`);
}

/** A text of a table of this checkout's Cargo.toml: `key = "text"`, as this workspace writes it. */
function setting(toml, table, key) {
  let here = false;
  for (const line of toml.split(/\r?\n/)) {
    const head = /^\s*\[([^[\]]+)\]\s*(#.*)?$/.exec(line);
    if (head) here = head[1].trim() === table;
    else if (/^\s*\[\[/.test(line)) here = false;
    else if (here) {
      const value = /^\s*([A-Za-z0-9_-]+)\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(#.*)?$/.exec(line);
      if (value && value[1] === key) return value[2] ?? value[3];
    }
  }
  return undefined;
}

/** The Hub's address without a slash at its end. */
function hubAddress(text) {
  let url;
  try {
    url = new URL(text.trim());
  } catch {
    throw new Stop(USAGE, 'the Hub\'s address is no URL');
  }
  if (!mayBeAsked(url)) throw new Stop(USAGE, 'the Hub\'s address has to begin with https://');
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

/** Whether an address is safe on the way, or never leaves this machine. */
function mayBeAsked(url) {
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  return (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) && !url.username && !url.password;
}

/**
 * What is at an address, or nothing where it is not there. No credential is ever sent, so none can be sent on
 * by a redirect.
 */
async function load(address, limit) {
  const silence = new AbortController();
  const stop = () => silence.abort(new Silence(`nothing came for ${SILENCE / 1000} s`));
  const timer = setTimeout(stop, SILENCE);
  try {
    return await loadWhile(address, limit, AbortSignal.any([silence.signal, AbortSignal.timeout(ANSWER_TIME)]), timer);
  } finally {
    clearTimeout(timer);
  }
}

/** The same until a signal says to stop, with a timer that each piece sets back. */
async function loadWhile(address, limit, signal, timer) {
  let url = new URL(address);
  for (let hop = 0; hop <= REDIRECTS; hop += 1) {
    if (!mayBeAsked(url)) throw new Error(`a redirect leads to ${url.protocol}//${url.host}, which is not asked`);
    const answer = await fetch(url, { redirect: 'manual', signal });
    timer.refresh();
    const next = answer.headers.get('location');
    if ([301, 302, 303, 307, 308].includes(answer.status) && next) {
      await answer.body?.cancel();
      url = new URL(next, url);
      continue;
    }
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new Error(`${url.host} answered ${answer.status}`);
    const parts = [];
    let size = 0;
    for await (const part of answer.body) {
      timer.refresh();
      size += part.length;
      if (size > limit) throw new Error(`${url.host} sends more than ${limit} bytes`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  }
  throw new Error('there are too many redirects');
}

/** The same, tried three times: networks fail. */
async function get(address, limit) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await load(address, limit);
    } catch (error) {
      if (attempt === 3 || error instanceof Silence) throw error;
      await new Promise((wake) => setTimeout(wake, attempt * 1000));
    }
  }
}

/** The bytes that a line of base64 stands for, which have to be so many. */
function decoded(line, length, what) {
  const bytes = Buffer.from(line ?? '', 'base64');
  if (bytes.length !== length) throw new Stop(VERIFICATION, `${what} is none of minisign's`);
  return bytes;
}

/** A public key of minisign's: its text, its one line, or Tauri's base64 of the text. */
function publicKey(text) {
  const wrapped = Buffer.from(text, 'base64').toString();
  const lines = (wrapped.startsWith('untrusted comment:') ? wrapped : text).trim().split('\n');
  const bytes = decoded(lines.at(-1).trim(), 42, 'the public key in Cargo.toml');
  // RFC 8410: what stands before an Ed25519 key in its DER form.
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes.subarray(10)]);
  return { id: bytes.subarray(2, 10), key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/** Refuses a program that is not signed, by this key, as exactly this file. Source: minisign's "Signature format". */
function checkSignature(program, signature, key, wanted) {
  const lines = Buffer.from(signature.toString().trim(), 'base64').toString().split('\n');
  const refuse = (why) => {
    throw new Stop(VERIFICATION, `the signature of ${wanted.file} ${why}`);
  };
  const comment = /^trusted comment: (.*?)\r?$/.exec(lines[2] ?? '');
  if (!comment) refuse('is none');
  const own = decoded(lines[1], 74, `the signature of ${wanted.file}`);
  if (own.subarray(0, 2).toString() !== 'ED') refuse('is of an old form');
  if (!own.subarray(2, 10).equals(key.id)) refuse('was made with another key');
  const digest = createHash('blake2b512').update(program).digest();
  if (!verify(null, digest, key.key, own.subarray(10))) refuse('belongs to other bytes');
  const whole = Buffer.concat([own.subarray(10), Buffer.from(comment[1])]);
  if (!verify(null, whole, key.key, decoded(lines[3], 64, 'the signature'))) refuse('has another comment');
  const said = new Map(comment[1].split('\t').map((field) => field.split(/:(.*)/s)));
  for (const [name, value] of Object.entries(wanted)) {
    if (said.get(name) !== value) refuse(`is for ${name} \`${said.get(name) ?? ''}\`, not \`${value}\``);
  }
}

/** The program in a folder of its own, under the name that is typed. */
function placed(put) {
  const folder = mkdtempSync(join(process.env.RUNNER_TEMP || tmpdir(), 'atlas-release-'));
  const program = join(folder, `atlas-release${EXE}`);
  put(program);
  chmodSync(program, 0o755);
  return program;
}

/** The commit that a program says it was built from. */
function commitOf(program) {
  const told = spawnSync(program, ['version', '--format', 'json'], { encoding: 'utf8' });
  try {
    return JSON.parse(told.stdout).commit;
  } catch {
    return undefined;
  }
}

/** What the Hub has, or nothing and why. */
async function fromHub(toml) {
  const key = setting(toml, 'workspace.metadata.atlas-release', 'public-key');
  const version = setting(toml, 'workspace.package', 'version');
  if (!process.env.ATLAS_HUB_URL) return 'no Hub was named';
  if (!key) return 'this checkout names no public key';
  if (!version || !OS || !ARCH) return 'no program is released for this machine';
  const hub = hubAddress(process.env.ATLAS_HUB_URL);
  // A workspace may say of other words which channel they are for.
  const first = /-(beta|dev)\b/.exec(version)?.[1] ?? 'stable';
  const channels = [first, ...['stable', 'beta', 'dev'].filter((one) => one !== first)];
  const where = `${PRODUCT}/${encodeURIComponent(version)}/${OS}/${ARCH}`;
  let program;
  let signature;
  let asset;
  try {
    let list;
    for (const channel of version.includes('-') ? channels : ['stable']) {
      list ??= await get(`${hub}/api/v1/releases/${where}?channel=${channel}`, LIST_LIMIT);
    }
    if (!list) return `the Hub has no ${version} for ${OS}-${ARCH}`;
    const assets = JSON.parse(list.toString()).assets;
    const signatureOf = (one) =>
      assets.find((other) => other.kind === 'signature' && other.filename === `${one.filename}.sig`);
    asset = assets.find((one) => one.kind === 'binary' && signatureOf(one));
    if (!asset) return `the Hub has no signed program of ${version} for ${OS}-${ARCH}`;
    const download = async ({ download_id: id, size }, limit) => {
      if (!/^dl_[0-9a-f]{32}$/.test(id) || !(size <= limit)) throw new Error('the Hub\'s list cannot be used');
      const bytes = await get(`${hub}/api/v1/download/${id}`, limit);
      if (!bytes) throw new Error('the Hub has lost a file that it lists');
      return bytes;
    };
    program = await download(asset, PROGRAM_LIMIT);
    signature = await download(signatureOf(asset), SIGNATURE_LIMIT);
  } catch (error) {
    if (error instanceof Stop) throw error;
    return `the Hub cannot be asked (${error.cause?.code ?? error.message})`;
  }
  const digest = createHash('sha256').update(program).digest('hex');
  if (program.length !== asset.size || digest !== asset.sha256) {
    throw new Stop(VERIFICATION, `the Hub gives out ${asset.filename} with other bytes than it lists`);
  }
  const wanted = { file: asset.filename, version, product: PRODUCT, os: OS, arch: ARCH };
  checkSignature(program, signature, publicKey(key), wanted);
  const path = placed((file) => writeFileSync(file, program));
  // A checkout that is ahead of the release may ask for what that cannot do.
  const commit = process.env.ATLAS_ACTION_REF;
  if (COMMIT.test(commit ?? '') && commitOf(path) !== commit) {
    return `the Hub's ${version} is of another commit than this checkout`;
  }
  console.log(inert(`atlas-release ${version} of the Hub, sha256 ${digest}, signed`));
  return { program: path };
}

/** Whether a variable's name looks like a secret's: the words of `crates/process/src/allow_list.rs`. */
function looksSecret(variable) {
  const name = variable.toUpperCase().replace(/_KEY_PREFIX$/, '');
  return (
    /KEY$|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|CERTIFICATE|KEYSTORE|PRIVATE|_KEY/.test(name) ||
    name.split('_').some((part) =>
      /(PASS|PWD|AUTH|COOKIES?|JKS|KEYCHAIN|P12|P8|PFX|PKCS12|PKCS8)$|^(AUTHORIZATION|B64|BASE64|BEARER|CREDS?|JWT|PAT|PEM|SIG|SIGNATURE)$/.test(part),
    )
  );
}

/** The environment of a build: without what could be secret, and without tools that nobody has tried yet. */
function buildEnvironment() {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !looksSecret(name) &&
      !/^(ATLAS_|APPLE_|TAURI_|WIN_|ACTIONS_(ID_TOKEN|RUNTIME)_)/i.test(name) &&
      // What later steps are told by: nothing that is compiled has to say anything there.
      !/^GITHUB_(ENV|OUTPUT|PATH|STATE|STEP_SUMMARY)$/i.test(name) &&
      !/^(CARGO_BUILD_)?RUSTC_(WORKSPACE_)?WRAPPER$/i.test(name) &&
      // What the job builds for need not be where this program is to run.
      !/^CARGO_BUILD_TARGET$/i.test(name) &&
      !/^CARGO_TARGET_.*_LINKER$/i.test(name),
  );
  // A checkout of an action is no repository that would tell its commit.
  const commit = process.env.ATLAS_ACTION_REF ?? '';
  return { ...Object.fromEntries(kept), ...(COMMIT.test(commit) && { ATLAS_BUILD_COMMIT: commit }) };
}

function built() {
  const args = ['build', '--release', '--locked', '--package', 'atlas-release'];
  const run = spawnSync('cargo', [...args, '--message-format', 'json-render-diagnostics'], {
    cwd: CHECKOUT,
    env: buildEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 256 * 1024 * 1024,
  });
  if (run.error) throw new Stop(TOOL, `cargo cannot be run (${run.error.code}): install Rust, https://rustup.rs`);
  if (run.status !== 0) throw new Stop(BUILD, 'cargo could not build atlas-release');
  const messages = run.stdout.toString().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const made = messages.find(
    (one) => one.reason === 'compiler-artifact' && one.target.name === 'atlas-release' && one.executable,
  );
  if (!made) throw new Stop(BUILD, 'cargo told of no program `atlas-release`');
  // Beside the original others lie that nobody asked for.
  return placed((path) => copyFileSync(made.executable, path));
}

async function obtain() {
  const named = process.env.ATLAS_RELEASE_BIN;
  if (named) {
    const path = resolve(named);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
      throw new Stop(USAGE, `ATLAS_RELEASE_BIN names no file: ${path}`);
    }
    return path;
  }
  const found = await fromHub(readFileSync(join(CHECKOUT, 'Cargo.toml'), 'utf8'));
  if (found.program) return found.program;
  console.log(inert(`building atlas-release from its sources: ${found}`));
  return built();
}

/** A value for later steps, between lines that nobody can guess. */
function tell(file, name, value) {
  const line = `atlas-release-${randomUUID()}`;
  if (file) appendFileSync(file, `${name}<<${line}\n${value}\n${line}\n`);
}

try {
  const addPath = process.argv.includes('--add-path');
  let program = await obtain();
  if (addPath && basename(program) !== `atlas-release${EXE}`) {
    program = placed((path) => copyFileSync(program, path));
  }
  const tried = spawnSync(program, ['version'], { encoding: 'utf8' });
  if (tried.error || tried.status !== 0) throw new Stop(TOOL, `${program} cannot be run`);
  process.stdout.write(tried.stdout);
  // bash on Windows takes a slash, and a backslash only with luck.
  tell(process.env.GITHUB_OUTPUT, 'program', EXE ? program.replaceAll('\\', '/') : program);
  if (addPath && process.env.GITHUB_PATH) appendFileSync(process.env.GITHUB_PATH, `${dirname(program)}\n`);
} catch (error) {
  // What the system says of a folder or a file is no defect either.
  const ofMachine = typeof error.syscall === 'string';
  if (!(error instanceof Stop) && !ofMachine) throw error;
  annotate('error', error.message);
  process.exitCode = ofMachine ? MACHINE : error.code;
}
