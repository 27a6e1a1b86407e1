import { encode } from "../../asn1/schema.ts";
import type { PEHeader } from "../../messages/pe/basic-types.ts";
import { ProfileElement } from "../../messages/pe/profile-element.ts";
import { concatBytes } from "../../util/bytes.ts";
import {
	akaElement,
	BUILT_TEMPLATES,
	endElement,
	globalPinElement,
	headerElement,
	localPinElement,
	mfElement,
	optUsimElement,
	pukElement,
	securityDomainElement,
	usimElement,
} from "./elements.ts";
import { type ProfileDescription, readProfileDescription } from "./profile-description.ts";

/** Elements between header and end; PUKs stand before the PINs that name them, PINs behind their directory. */
const ORDER: readonly ((header: PEHeader, description: ProfileDescription) => ProfileElement)[] = [
	mfElement,
	pukElement,
	globalPinElement,
	usimElement,
	optUsimElement,
	localPinElement,
	akaElement,
	securityDomainElement,
	endElement,
];

/**
 * Builds an unprotected profile package from a short description: YAML text, or an object of the same form.
 * @throws ProfileError PROFILE_DESCRIPTION_INVALID with the path of the entry
 */
export function buildProfilePackage(source: unknown): Uint8Array {
	const description = readProfileDescription(source);
	const elements = [
		headerElement(description, BUILT_TEMPLATES),
		...ORDER.map((build, i) => build({ mandated: null, identification: i + 1 }, description)),
	];
	return concatBytes(...elements.map((element) => encode(ProfileElement, element)));
}
