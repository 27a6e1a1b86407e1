import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readTlvs, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { ProfileElement } from "@iot-esim/shared/messages/pe/profile-element";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { concatBytes, hex } from "@iot-esim/shared/util/bytes";

/** A description of a profile with Milenage keys that nobody owns. */
export const profileDescription = (iccid: string) => `
iccid: "${iccid}"
imsi: "0010100000000${iccid.slice(-2)}"
ki: "000102030405060708090A0B0C0D0E0F"
opc: "101112131415161718191A1B1C1D1E1F"
spn: "Test"
profileName: "Test profile"
`;

/** An unprotected profile package of this many octets: a built one with one file more. */
export function profileOfSize(iccid: string, octets: number): Uint8Array {
	const built = buildProfilePackage(profileDescription(iccid));
	const elements = readTlvs(built, 0, built.length).map((element) => tlvBytes(built, element));
	const filled = (contents: number) =>
		concatBytes(...elements.slice(0, -1), fileOf(contents), elements.at(-1) ?? new Uint8Array(0));
	const guess = octets - built.length;
	return filled(guess - (filled(guess).length - octets));
}

function fileOf(octets: number): Uint8Array {
	const contents = Uint8Array.from({ length: octets }, (_, at) => (at * 167) & 0xff);
	const size = Uint8Array.of(octets >> 8, octets & 0xff);
	const steps = [
		{
			createFCP: {
				fileDescriptor: hex`4121`,
				fileID: hex`6F99`,
				securityAttributesReferenced: hex`0A`,
				efFileSize: size,
			},
		},
		{ fillFileContent: contents },
	];
	const element = encode(ProfileElement, {
		genericFileManagement: {
			"gfm-header": { mandated: null, identification: 98 },
			fileManagementCMD: [[{ filePath: hex`7FF0` }, ...steps]],
		},
	});
	decode(ProfileElement, element);
	return element;
}
