/** TCA eUICC Profile Package v3.3, module PEDefinitions: files and their parameters. */

import {
	application,
	at,
	choice,
	context,
	define,
	type Infer,
	nullValue,
	octetString,
	optional,
	privateTag,
	sequence,
	sequenceOf,
	withDefault,
} from "../../asn1/schema.ts";
import { hex } from "../../util/bytes.ts";
import { ApplicationIdentifier, PEHeader, UInt16 } from "./basic-types.ts";

/** Fill patterns and BER-TLV limits. */
export const ProprietaryInfo = define(
	"ProprietaryInfo",
	sequence({
		specialFileInformation: withDefault(at(privateTag(0), octetString({ size: 1 })), hex`00`),
		fillPattern: optional(at(privateTag(1), octetString({ size: [1, 200] }))),
		repeatPattern: optional(at(privateTag(2), octetString({ size: [1, 200] }))),
		maximumFileSize: optional(at(context(6), octetString())),
		fileDetails: withDefault(at(context(4), octetString({ size: 1 })), hex`01`),
	}),
);
export type ProprietaryInfo = Infer<typeof ProprietaryInfo>;

/** File control parameters; absent ones come from the template. */
export const Fcp = define(
	"Fcp",
	sequence({
		fileDescriptor: optional(at(context(2), octetString({ size: [2, 4] }))),
		fileID: optional(at(context(3), octetString({ size: 2 }))),
		dfName: optional(at(context(4), ApplicationIdentifier)),
		lcsi: withDefault(at(context(10), octetString({ size: 1 })), hex`05`),
		securityAttributesReferenced: optional(at(context(11), octetString({ size: [1, 3] }))),
		efFileSize: optional(at(context(0), octetString())),
		pinStatusTemplateDO: optional(at(privateTag(6), octetString())),
		shortEFID: optional(at(context(8), octetString({ size: [0, 1] }))),
		proprietaryEFInfo: optional(at(context(5), ProprietaryInfo)),
		linkPath: optional(at(privateTag(7), octetString({ size: [0, 8] }))),
	}),
);
export type Fcp = Infer<typeof Fcp>;

/** A file as changes to its template: parameters first, then pieces of contents, each after an optional offset. */
export const File = define(
	"File",
	sequenceOf(
		choice({
			doNotCreate: nullValue(),
			fileDescriptor: Fcp,
			fillFileOffset: UInt16,
			fillFileContent: octetString(),
		}),
	),
);
export type File = Infer<typeof File>;

/** Files without a template: a path, then files below it. */
export const FileManagement = define(
	"FileManagement",
	sequenceOf(
		choice({
			filePath: at(context(0), octetString({ size: [0, 8] })),
			createFCP: at(application(2), Fcp),
			fillFileOffset: UInt16,
			fillFileContent: at(context(1), octetString()),
		}),
		{ size: [1, Number.MAX_SAFE_INTEGER] },
	),
);
export type FileManagement = Infer<typeof FileManagement>;

export const PeGenericFileManagement = define(
	"PE-GenericFileManagement",
	sequence({
		"gfm-header": PEHeader,
		fileManagementCMD: sequenceOf(FileManagement, { size: [1, Number.MAX_SAFE_INTEGER] }),
	}),
);
export type PeGenericFileManagement = Infer<typeof PeGenericFileManagement>;
