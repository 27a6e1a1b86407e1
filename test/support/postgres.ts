import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { freePort } from "../../examples/demo/free-ports.ts";
import { requireExternal } from "./externals.ts";

/** A PostgreSQL of our own in a temporary folder. */
export interface PostgresServer {
	/** A new, empty database in it. */
	createDatabase(): Promise<string>;
	stop(): Promise<void>;
}

/** Starts a PostgreSQL on a free port; undefined, said aloud, when it is not installed. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
	const programs = await requireExternal("PostgreSQL (apt-get install postgresql)", findPrograms);
	if (!programs) return undefined;
	const folder = mkdtempSync(path.join(tmpdir(), "eim-postgres-"));
	const port = await freePort();
	const owner = ownerOfServer();
	if (owner) chownSync(folder, owner.uid, owner.gid);
	const data = path.join(folder, "data");
	// PostgreSQL refuses to run as root.
	const options = { cwd: folder, ...(owner ?? {}) };
	const setUp = ["-D", data, "-U", "eim", "--auth=trust", "--no-sync", "-E", "UTF8"];
	execFileSync(path.join(programs, "initdb"), setUp, { ...options, stdio: "pipe" });
	const settings = [
		"-D",
		data,
		"-p",
		String(port),
		"-k",
		folder,
		"-c",
		"listen_addresses=127.0.0.1",
		"-c",
		"fsync=off",
	];
	const server = spawn(path.join(programs, "postgres"), settings, { ...options, stdio: "ignore" });
	const exited = new Promise<void>((resolve) => server.once("exit", () => resolve()));
	const url = (database: string) => `postgres://eim@127.0.0.1:${port}/${database}`;
	await untilAnswers(url("postgres"));
	let databases = 0;
	return {
		async createDatabase() {
			const name = `eim${++databases}`;
			await query(url("postgres"), `create database ${name}`);
			return url(name);
		},
		async stop() {
			server.kill("SIGINT");
			await exited;
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

function findPrograms(): string | undefined {
	const versions = "/usr/lib/postgresql";
	const debian = existsSync(versions)
		? readdirSync(versions).map((version) => path.join(versions, version, "bin"))
		: [];
	const folders = [...debian, ...(process.env.PATH ?? "").split(path.delimiter)];
	return folders.find((folder) => existsSync(path.join(folder, "initdb")) && existsSync(path.join(folder, "postgres")));
}

function ownerOfServer(): { uid: number; gid: number } | undefined {
	if (process.getuid?.() !== 0) return undefined;
	const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
	return { uid: id("-u"), gid: id("-g") };
}

async function query(url: string, text: string): Promise<void> {
	const client = new pg.Client({ connectionString: url });
	await client.connect();
	try {
		await client.query(text);
	} finally {
		await client.end();
	}
}

async function untilAnswers(url: string): Promise<void> {
	const deadline = Date.now() + 30_000;
	for (;;) {
		try {
			return await query(url, "select 1");
		} catch (error) {
			if (Date.now() > deadline) throw error;
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}
}
