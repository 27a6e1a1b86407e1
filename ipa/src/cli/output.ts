import Table from "cli-table3";

/** Where a command prints, and whether for people or for programs. */
export interface Output {
	readonly isJson: boolean;
	line(text: string): void;
}

/** One value for programs, or lines for people. */
export function print(output: Output, value: unknown, lines: () => readonly string[]): void {
	if (output.isJson) output.line(JSON.stringify(value));
	else for (const line of lines()) output.line(line);
}

/** A table without colours, so that it reads the same in a file. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const drawn = new Table({ head: [...head], style: { head: [], border: [] } });
	for (const row of rows) drawn.push([...row]);
	return drawn.toString();
}

/** Names and values, one below the other. */
export function facts(pairs: readonly (readonly [string, string | undefined])[]): readonly string[] {
	const known = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
	const width = Math.max(...known.map(([name]) => name.length));
	return known.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
