/** What a file of a profile package becomes on a card: its template with the profile's parameters and contents on top. */

import type { Fcp } from "../messages/pe/file.ts";
import { toHex } from "../util/bytes.ts";
import { ProfileError } from "./errors.ts";
import { type ContentPattern, expandPattern, type FileKind, type FileTemplate } from "./templates/file-template.ts";

/** One step of a file's description, from `File` or from `FileManagement`. */
export type FileStep = { fileDescriptor: Fcp } | { fillFileOffset: number } | { fillFileContent: Uint8Array };

export interface FileImage {
	readonly kind: FileKind;
	/** Absent only where the profile gives an ADF no temporary identifier. */
	readonly fid?: number;
	/** DF name of an ADF. */
	readonly aid?: Uint8Array;
	readonly isShareable: boolean;
	/** Life cycle status (ETSI TS 102 221 §11.1.1.4.9); 05 is operational and activated. */
	readonly lifeCycle: number;
	readonly accessRule: AccessRuleReference;
	readonly shortFileId?: number;
	/** Octets of a record; only of linear fixed and cyclic files. */
	readonly recordLength?: number;
	/** Contents at creation: all records in their order; empty for directories, links and BER-TLV files. */
	readonly contents: Uint8Array;
	/** Most octets a BER-TLV file may take; absent when nothing says so. */
	readonly maximumSize?: number;
	/** Special file information (TS 102 222): 80 updated often, 40 readable and updatable when deactivated. */
	readonly specialInformation: number;
	/** Path of file identifiers below the MF to the file whose contents this one shares. */
	readonly linkPath?: readonly number[];
	/** Key references of pinStatusTemplateDO; only of directories. */
	readonly pinReferences?: Uint8Array;
}

/** Where the access rule stands. */
export interface AccessRuleReference {
	/** Identifier of EF.ARR; absent means 2F06 for the MF, ADFs and files directly in the MF, 6F06 for all others. */
	readonly ruleFile?: number;
	readonly record: number;
}

const DIRECTORIES: ReadonlySet<FileKind> = new Set(["mf", "df", "adf"]);
const MAX_FILE = 0xffff;

export function isDirectory(kind: FileKind): boolean {
	return DIRECTORIES.has(kind);
}

/**
 * Applies the steps of a file to its template, or to nothing for generic file management.
 * @throws ProfileError PROFILE_FILE_INVALID when sizes are missing, contradict one another or are overrun
 */
export function fileImage(name: string, template: FileTemplate | undefined, steps: readonly FileStep[]): FileImage {
	const fcp = steps.flatMap((step) => ("fileDescriptor" in step ? [step.fileDescriptor] : []))[0] ?? {};
	const kind = kindOf(name, template, fcp);
	const common = {
		kind,
		isShareable: fcp.fileDescriptor ? ((fcp.fileDescriptor[0] as number) & 0x40) !== 0 : true,
		lifeCycle: fcp.lcsi?.[0] ?? 5,
		accessRule: accessRuleOf(name, template, fcp),
		specialInformation: specialInformationOf(template, fcp),
		...numberField("fid", octetsToNumber(fcp.fileID) ?? template?.fid),
		...(fcp.linkPath && fcp.linkPath.length > 0 && { linkPath: pathOf(name, fcp.linkPath) }),
	};
	if (isDirectory(kind)) {
		return {
			...common,
			contents: new Uint8Array(0),
			...(fcp.dfName && { aid: fcp.dfName }),
			...(fcp.pinStatusTemplateDO && { pinReferences: fcp.pinStatusTemplateDO }),
		};
	}
	const shape = shapeOf(name, kind, template, fcp, steps);
	const contents = common.linkPath ? new Uint8Array(0) : contentsOf(name, kind, template, fcp, shape, steps);
	return {
		...common,
		contents,
		...numberField("shortFileId", shortFileIdOf(template, fcp)),
		...(isRecordKind(kind) && numberField("recordLength", shape.unit)),
		...(kind === "ber-tlv" && numberField("maximumSize", shape.total > 0 ? shape.total : undefined)),
	};
}

/** File identifiers of a path as profile packages write it; empty is the MF. */
export function pathOf(name: string, octets: Uint8Array): number[] {
	if (octets.length % 2 !== 0) throw invalid(name, `the path ${toHex(octets)} is not made of identifiers of 2 octets`);
	const path: number[] = [];
	for (let i = 0; i < octets.length; i += 2) path.push(octetsToNumber(octets.subarray(i, i + 2)) as number);
	return path[0] === 0x3f00 ? path.slice(1) : path;
}

function isRecordKind(kind: FileKind): boolean {
	return kind === "linear-fixed" || kind === "cyclic";
}

function numberField<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
	return (value === undefined ? {} : { [key]: value }) as { [P in K]?: number };
}

function invalid(name: string, reason: string): ProfileError {
	return new ProfileError("PROFILE_FILE_INVALID", `${name}: ${reason}`, { context: { file: name } });
}

function octetsToNumber(octets: Uint8Array | undefined): number | undefined {
	return octets?.reduce((number, octet) => number * 256 + octet, 0);
}

/** The first octet of the file descriptor (ETSI TS 102 221 §11.1.1.4.3). */
function kindOf(name: string, template: FileTemplate | undefined, fcp: Fcp): FileKind {
	const descriptor = fcp.fileDescriptor?.[0];
	if (descriptor === undefined) {
		if (template) return template.kind;
		throw invalid(name, "neither a template nor a file descriptor says what kind of file it is");
	}
	if ((descriptor & 0x3f) === 0x39) return "ber-tlv";
	if ((descriptor & 0x38) === 0x38) return template && isDirectory(template.kind) ? template.kind : adfOrDf(fcp);
	const kind = ({ 1: "transparent", 2: "linear-fixed", 6: "cyclic" } as const)[descriptor & 0x07];
	if (!kind) throw invalid(name, `file descriptor ${toHex(Uint8Array.of(descriptor))} is of no known structure`);
	return kind;
}

function adfOrDf(fcp: Fcp): FileKind {
	return fcp.dfName ? "adf" : "df";
}

function accessRuleOf(name: string, template: FileTemplate | undefined, fcp: Fcp): AccessRuleReference {
	const octets = fcp.securityAttributesReferenced;
	if (!octets) {
		if (template) return { record: template.accessRule };
		throw invalid(name, "no access rule is referenced");
	}
	if (octets.length === 2) throw invalid(name, "securityAttributesReferenced has 1 or 3 octets, not 2");
	const record = octets[octets.length - 1] as number;
	return octets.length === 1 ? { record } : { ruleFile: octetsToNumber(octets.subarray(0, 2)) as number, record };
}

function specialInformationOf(template: FileTemplate | undefined, fcp: Fcp): number {
	const given = fcp.proprietaryEFInfo?.specialFileInformation?.[0];
	return given ?? (template?.isUpdatedOften ? 0x80 : 0);
}

/** Without one in the profile: the template's; without a template: the low five bits of the identifier (TS 102 222). */
function shortFileIdOf(template: FileTemplate | undefined, fcp: Fcp): number | undefined {
	const given = fcp.shortEFID;
	if (given) return given.length === 0 ? undefined : (given[0] as number) >> 3;
	if (template) return template.shortFileId;
	const fromFid = (octetsToNumber(fcp.fileID) ?? 0) & 0x1f;
	return fromFid === 0 || fromFid === 0x1f ? undefined : fromFid;
}

/** Octets of the whole file and of the unit that a pattern fills: a record, or the file itself. */
interface Shape {
	readonly total: number;
	readonly unit: number;
}

function shapeOf(
	name: string,
	kind: FileKind,
	template: FileTemplate | undefined,
	fcp: Fcp,
	steps: readonly FileStep[],
): Shape {
	const given = octetsToNumber(fcp.efFileSize);
	if (kind === "ber-tlv") {
		const total = octetsToNumber(fcp.proprietaryEFInfo?.maximumFileSize) ?? given ?? template?.size ?? 0;
		return { total, unit: total };
	}
	if (isRecordKind(kind)) return recordShape(name, template, fcp, given);
	if (fcp.linkPath && fcp.linkPath.length > 0) return { total: 0, unit: 0 };
	const total = given ?? template?.size ?? lengthOfContents(steps);
	if (total === 0 || total > MAX_FILE) throw invalid(name, `its size must be 1 to ${MAX_FILE} octets, not ${total}`);
	return { total, unit: total };
}

function recordShape(name: string, template: FileTemplate | undefined, fcp: Fcp, total: number | undefined): Shape {
	const descriptor = fcp.fileDescriptor;
	const unit =
		(descriptor && descriptor.length >= 4 ? octetsToNumber(descriptor.subarray(2, 4)) : undefined) ?? template?.size;
	if (!unit || unit > 255) throw invalid(name, `its records must have 1 to 255 octets, not ${unit ?? "none"}`);
	if (fcp.linkPath && fcp.linkPath.length > 0) return { total: 0, unit };
	const size = total ?? (template?.records ?? 0) * unit;
	if (size === 0) throw invalid(name, "neither the profile nor the template says how many records it has");
	if (size % unit !== 0) throw invalid(name, `${size} octets are not a whole number of records of ${unit} octets`);
	if (size / unit > 254) throw invalid(name, `it has ${size / unit} records; at most 254 can be addressed`);
	return { total: size, unit };
}

function lengthOfContents(steps: readonly FileStep[]): number {
	let length = 0;
	for (const step of steps) {
		if ("fillFileOffset" in step) length += step.fillFileOffset;
		else if ("fillFileContent" in step) length += step.fillFileContent.length;
	}
	return length;
}

function contentsOf(
	name: string,
	kind: FileKind,
	template: FileTemplate | undefined,
	fcp: Fcp,
	shape: Shape,
	steps: readonly FileStep[],
): Uint8Array {
	const contents = kind === "ber-tlv" ? new Uint8Array(lengthOfContents(steps)) : filled(template, fcp, shape);
	let at = 0;
	for (const step of steps) {
		if ("fillFileOffset" in step) at += step.fillFileOffset;
		else if ("fillFileContent" in step) {
			if (at + step.fillFileContent.length > contents.length) {
				throw invalid(name, `its contents end at octet ${at + step.fillFileContent.length} of ${contents.length}`);
			}
			contents.set(step.fillFileContent, at);
			at += step.fillFileContent.length;
		}
	}
	return contents;
}

/**
 * Contents before the profile's own: the profile's pattern, else the template's, else FF. A pattern starts anew in
 * every record (TS 102 222 §6.3.2.2.2); only a repeat pattern of a transparent file runs through.
 */
function filled(template: FileTemplate | undefined, fcp: Fcp, { total, unit }: Shape): Uint8Array {
	const pattern = patternOf(fcp) ?? template?.content;
	const contents = new Uint8Array(total).fill(0xff);
	if (!pattern) return contents;
	const record = expandPattern(pattern, unit);
	for (let at = 0; at < total; at += unit) contents.set(record, at);
	return contents;
}

function patternOf(fcp: Fcp): ContentPattern | undefined {
	const { fillPattern, repeatPattern } = fcp.proprietaryEFInfo ?? {};
	const nothing = new Uint8Array(0);
	if (fillPattern) {
		// The last octet of a fill pattern is repeated up to the end.
		return { head: fillPattern.slice(0, -1), repeated: fillPattern.slice(-1), tail: nothing };
	}
	return repeatPattern && { head: nothing, repeated: repeatPattern, tail: nothing };
}
