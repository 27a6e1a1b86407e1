import { CSIM_TEMPLATES } from "./csim.ts";
import type { FileTemplate, ProfileTemplate } from "./file-template.ts";
import { IOT_TEMPLATES } from "./iot.ts";
import { ISIM_TEMPLATES } from "./isim.ts";
import { MF_TEMPLATES } from "./mf.ts";
import { OPT_USIM_TEMPLATES } from "./opt-usim.ts";
import { PHONEBOOK_TEMPLATES } from "./phonebook.ts";
import { TELECOM_TEMPLATES } from "./telecom.ts";
import { USIM_TEMPLATES } from "./usim.ts";
import { USIM_FOLDER_TEMPLATES } from "./usim-folders.ts";

/** Every file structure template this code knows. */
export const PROFILE_TEMPLATES: readonly ProfileTemplate[] = [
	...MF_TEMPLATES,
	...TELECOM_TEMPLATES,
	...USIM_TEMPLATES,
	...OPT_USIM_TEMPLATES,
	...PHONEBOOK_TEMPLATES,
	...USIM_FOLDER_TEMPLATES,
	...ISIM_TEMPLATES,
	...CSIM_TEMPLATES,
	...IOT_TEMPLATES,
];

const byOid = new Map(PROFILE_TEMPLATES.map((template) => [template.oid, template]));

/** The template with this object identifier ("2.23.143.1.2.4"). */
export function templateOf(oid: string): ProfileTemplate | undefined {
	return byOid.get(oid);
}

/** What the template says of one component of its PE. */
export function fileTemplateOf(template: ProfileTemplate, field: string): FileTemplate | undefined {
	return template.files.find((file) => file.field === field);
}

/** Alternatives of `ProfileElement` that create files by a template. */
export const FILE_ELEMENTS: ReadonlySet<string> = new Set(PROFILE_TEMPLATES.map((template) => template.element));
