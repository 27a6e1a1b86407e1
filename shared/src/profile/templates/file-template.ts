/** File templates of the Interoperable Profile Package (TCA, Annex A / section 9): what a PE need not say of a file. */

import { fromHex } from "../../util/bytes.ts";

export type FileKind = "mf" | "df" | "adf" | "transparent" | "linear-fixed" | "cyclic" | "ber-tlv";

/** Contents of a new file: `head`, then octets of `repeated` as often as needed, then `tail`. */
export interface ContentPattern {
	readonly head: Uint8Array;
	readonly repeated: Uint8Array;
	readonly tail: Uint8Array;
}

export interface FileTemplate {
	/** Name of the component in the PE: "ef-imsi". */
	readonly field: string;
	readonly kind: FileKind;
	/** Absent for an ADF and where the profile must give it. */
	readonly fid?: number;
	/** Octets of a transparent or BER-TLV file, or of one record; absent where the profile must give it. */
	readonly size?: number;
	/** Number of records; absent where the profile must give it. */
	readonly records?: number;
	/** Record of EF.ARR with the access rule. */
	readonly accessRule: number;
	readonly shortFileId?: number;
	/** Contents at creation; absent means FF in every octet. */
	readonly content?: ContentPattern;
	/** High update activity (special file information 80). */
	readonly isUpdatedOften: boolean;
	/** Field of the directory it lies in; absent for the base directory of the PE and for files directly in it. */
	readonly folder?: string;
}

/** Where the files of a PE are put when the PE has no directory of its own, or below which its directory lies. */
export type TemplateHome = "self" | "mf" | "adf-usim" | "adf-isim" | "adf-csim" | "current";

export interface ProfileTemplate {
	/** Alternative of `ProfileElement`: "usim". */
	readonly element: string;
	/** Object identifier below 2.23.143.1.2, complete: "2.23.143.1.2.4". */
	readonly oid: string;
	readonly name: string;
	/** True when files that the PE does not mention are created all the same. */
	readonly isCreatedByDefault: boolean;
	readonly home: TemplateHome;
	readonly files: readonly FileTemplate[];
}

const ROOT = "2.23.143.1.2";

/** Declares a template; `suffix` is what stands behind 2.23.143.1.2. */
export function profileTemplate(
	element: string,
	suffix: string,
	home: TemplateHome,
	name: string,
	files: readonly FileTemplate[],
	isCreatedByDefault = false,
): ProfileTemplate {
	return { element, oid: `${ROOT}.${suffix}`, name, isCreatedByDefault, home, files };
}

const KINDS: Readonly<Record<string, FileKind>> = {
	MF: "mf",
	DF: "df",
	ADF: "adf",
	TR: "transparent",
	LF: "linear-fixed",
	CY: "cyclic",
	BT: "ber-tlv",
};

/**
 * Reads a table with one file a line: `field FID kind size rule SFI contents`, "-" where the template says nothing.
 * Size is octets (`9`), or records and their octets (`10x26`, `-x13`). Contents are hex; `FF*` repeats one octet and
 * `(FFFFFF0000)*` a group until the file or record is full, octets behind it stand at the end. A trailing `often` is
 * high update activity. A line that starts with ">" is a directory inside the base directory, and the lines below it
 * lie in that directory. Text behind "#" is a remark.
 */
export function fileTable(text: string): FileTemplate[] {
	const files: FileTemplate[] = [];
	let folder: string | undefined;
	for (const line of text.split("\n")) {
		const cells = line.replace(/#.*/, "").trim().split(/\s+/);
		if (cells[0] === "") continue;
		const opensFolder = cells[0] === ">";
		if (opensFolder) cells.shift();
		const file = fileRow(cells, opensFolder ? undefined : folder);
		if (opensFolder) folder = file.field;
		files.push(file);
	}
	return files;
}

function fileRow(cells: readonly string[], folder: string | undefined): FileTemplate {
	const [field, fid, kind, size, rule, shortFileId = "-", content = "-", activity] = cells;
	const fileKind = KINDS[kind ?? ""];
	if (field === undefined || fileKind === undefined) throw new RangeError(`not a file row: ${cells.join(" ")}`);
	const [first, second] = (size ?? "-").split("x");
	const octets = second ?? first;
	return {
		field,
		kind: fileKind,
		accessRule: Number(rule),
		isUpdatedOften: activity === "often",
		...(fid !== "-" && { fid: Number.parseInt(fid ?? "", 16) }),
		...(octets !== "-" && { size: Number(octets) }),
		...(second !== undefined && first !== "-" && { records: Number(first) }),
		...(shortFileId !== "-" && { shortFileId: Number.parseInt(shortFileId, 16) }),
		...(content !== "-" && { content: contentPattern(content) }),
		...(folder !== undefined && { folder }),
	};
}

/** Reads the contents column of `fileTable`. */
export function contentPattern(text: string): ContentPattern {
	const match = /^([0-9A-F]*?)(?:\(([0-9A-F]+)\)\*|([0-9A-F]{2})\*)?([0-9A-F]*)$/.exec(text);
	if (!match) throw new RangeError(`not a contents pattern: ${text}`);
	const [, head = "", group, octet, tail = ""] = match;
	return { head: fromHex(head), repeated: fromHex(group ?? octet ?? ""), tail: fromHex(tail) };
}

/**
 * Contents of `length` octets made from a pattern; a pattern without repetition is filled up with FF, and one that is
 * too long is cut.
 */
export function expandPattern(pattern: ContentPattern, length: number): Uint8Array {
	const octets = new Uint8Array(length).fill(0xff);
	const { head, repeated, tail } = pattern;
	octets.set(head.subarray(0, length));
	const tailStart = repeated.length > 0 ? Math.max(head.length, length - tail.length) : head.length;
	if (repeated.length > 0) {
		for (let at = head.length; at < tailStart; at++) {
			octets[at] = repeated[(at - head.length) % repeated.length] as number;
		}
	}
	for (let i = 0; i < tail.length && tailStart + i < length; i++) octets[tailStart + i] = tail[i] as number;
	return octets;
}
