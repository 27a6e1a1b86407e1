import Table from "cli-table3";

/**
 * A table with these columns; a line instead when there is nothing. Where the terminal is too narrow, a block of lines for
 * each row.
 */
export function tableOf<T>(
	rows: readonly T[],
	columns: Readonly<Record<string, (row: T) => string | number | undefined>>,
	whenEmpty: string,
	width = Number.POSITIVE_INFINITY,
): string {
	if (rows.length === 0) return whenEmpty;
	const table = new Table({ head: Object.keys(columns), style: STYLE, chars: PLAIN });
	for (const row of rows) table.push(Object.values(columns).map((cell) => String(cell(row) ?? "-")));
	const lines = table.toString().split("\n");
	if (lines.every((line) => line.trimEnd().length <= width)) return lines.map((line) => line.trimEnd()).join("\n");
	const blocks = rows.map((row) =>
		listOf(Object.fromEntries(Object.entries(columns).map(([name, cell]) => [name, cell(row)]))),
	);
	return blocks.join("\n\n");
}

/** Names and values, one a line. */
export function listOf(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
	const shown = Object.entries(values).filter(([, value]) => value !== undefined);
	const width = Math.max(...shown.map(([name]) => name.length));
	return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

/** "3 min ago"; the exact time is in the JSON. */
export function ago(time: string | undefined, now: number): string | undefined {
	if (time === undefined) return undefined;
	const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
	if (seconds < 60) return `${seconds} s ago`;
	if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
	if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
	return `${Math.round(seconds / 86_400)} d ago`;
}

const STYLE = { head: [], border: [], "padding-left": 0, "padding-right": 0 };

const PLAIN = {
	top: "",
	"top-mid": "",
	"top-left": "",
	"top-right": "",
	bottom: "",
	"bottom-mid": "",
	"bottom-left": "",
	"bottom-right": "",
	left: "",
	"left-mid": "",
	mid: "",
	"mid-mid": "",
	right: "",
	"right-mid": "",
	middle: "  ",
};
