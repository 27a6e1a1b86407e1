import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export const projectRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

export type DependencyCondition = "service_started" | "service_healthy" | "service_completed_successfully";

/** The parts of a Compose service that ours use. */
export interface ComposeService {
	readonly image?: string;
	readonly build?: string;
	readonly command?: readonly string[];
	readonly environment?: Readonly<Record<string, string>>;
	readonly ports?: readonly string[];
	readonly volumes?: readonly string[];
	readonly depends_on?: Readonly<Record<string, { readonly condition: DependencyCondition }>>;
	readonly healthcheck?: { readonly test: readonly string[] };
	readonly networks?: Readonly<Record<string, { readonly aliases?: readonly string[] }>>;
	readonly network_mode?: string;
	readonly restart?: string;
}

export interface ComposeFile {
	readonly services: Readonly<Record<string, ComposeService>>;
	readonly volumes: Readonly<Record<string, unknown>>;
}

/** docker-compose.yml with merge keys applied and `$$` undone; variables of the caller's environment are not expected. */
export function readCompose(): ComposeFile {
	const text = readFileSync(path.join(projectRoot, "docker-compose.yml"), "utf8");
	return parse(text.replaceAll("$$", "$"), { merge: true }) as ComposeFile;
}

export function isOurs(service: ComposeService): boolean {
	return service.build !== undefined;
}

/** A healthcheck as the words of a command. */
export function healthCommand(service: ComposeService): readonly string[] | undefined {
	const [kind, ...words] = service.healthcheck?.test ?? [];
	if (kind === undefined) return undefined;
	if (kind === "CMD") return words;
	if (kind === "CMD-SHELL") return ["sh", "-c", ...words];
	throw new Error(`a healthcheck begins with CMD or CMD-SHELL, not ${kind}`);
}

/** Services in an order in which each comes after those it depends on. @throws Error when they wait for each other */
export function startOrder(compose: ComposeFile): string[] {
	const order: string[] = [];
	const visit = (name: string, behind: readonly string[]) => {
		if (order.includes(name)) return;
		if (behind.includes(name)) throw new Error(`services wait for each other: ${[...behind, name].join(" → ")}`);
		const service = compose.services[name];
		if (service === undefined) throw new Error(`${behind.at(-1)} depends on ${name}, which does not exist`);
		for (const other of Object.keys(service.depends_on ?? {})) visit(other, [...behind, name]);
		order.push(name);
	};
	for (const name of Object.keys(compose.services)) visit(name, []);
	return order;
}

/** Names under which a service is found, its own and its aliases; those that share its network are found there too. */
export function hostNames(compose: ComposeFile, name: string): string[] {
	const service = compose.services[name];
	const aliases = Object.values(service?.networks ?? {}).flatMap((network) => network?.aliases ?? []);
	return service?.network_mode === undefined ? [name, ...aliases] : [];
}

/** The commands of a shell script: words of every line that runs `node` or the eIM's command line, variables as they stand. */
export function scriptCommands(file: string): string[][] {
	const text = readFileSync(path.join(projectRoot, file), "utf8").replace(/\\\n\s*/g, " ");
	const lines = text.split("\n").filter((line) => !line.trimStart().startsWith("#"));
	return lines
		.flatMap((line) => line.split(/\s(?:\|\||&&|;)\s|\$\(|;\s/))
		.flatMap((part) => /(?:^|\s)((?:node|deploy\/eim|\$EIM) .*)$/.exec(part)?.[1] ?? [])
		.filter((command) => !/^node -[ep]/.test(command))
		.map(words);
}

/** Words of one simple command, up to a redirection. */
function words(command: string): string[] {
	const all = [...command.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? "");
	const end = all.findIndex((word) => /^(\d*[<>]|\|)/.test(word));
	// What an array of the script adds is not known here.
	return (end === -1 ? all : all.slice(0, end)).filter((word) => !/^\$\{\w+\[@\]\}$/.test(word));
}
