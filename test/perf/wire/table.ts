import type { AbsentBinding } from "./binding.ts";
import { EXCHANGES, type WireRow } from "./measure.ts";

const COLUMNS: readonly (readonly [string, (row: WireRow) => string])[] = [
	["binding", (row) => row.binding],
	["messages", (row) => row.form],
	["octets", (row) => `**${row.octets}**`],
	["round trips", (row) => `${row.roundTrips}`],
	["packets", (row) => `${row.packets}`],
	["handshake", (row) => `${row.handshake}${kindOf(row)}`],
	["records", (row) => `${row.envelope}`],
	["HTTP, CoAP, MQTT", (row) => `${row.binder}`],
	["ESipa", (row) => `${row.esipa} (${row.messages})`],
];

/** One table for each exchange, and what was not measured. */
export function wireTable(rows: readonly WireRow[], absent: readonly AbsentBinding[]): string {
	const head = `| ${COLUMNS.map(([name]) => name).join(" | ")} |\n| ${COLUMNS.map((_, at) => (at < 2 ? "---" : "---:")).join(" | ")} |`;
	const tables = EXCHANGES.map((exchange) => {
		const lines = rows
			.filter((row) => row.exchange === exchange)
			.map((row) => `| ${COLUMNS.map(([, cell]) => cell(row)).join(" | ")} |`);
		return `### ${exchange[0]?.toUpperCase()}${exchange.slice(1)}\n\n${head}\n${lines.join("\n")}`;
	});
	const missing = absent.map(({ name, absent: reason }) => `- ${name}: not measured, ${reason}`);
	return [...tables, ...(missing.length > 0 ? [missing.join("\n")] : [])].join("\n\n");
}

/** Full, or resumed: what the handshakes in the capture were. */
function kindOf({ handshakes }: WireRow): string {
	if (handshakes.length === 0) return "";
	return ` (${handshakes.map(({ isFull }) => (isFull ? "full" : "resumed")).join(", ")})`;
}
