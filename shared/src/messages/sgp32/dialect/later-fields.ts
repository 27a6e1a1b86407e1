/**
 * What the module of version 1.2 lacks: components at the end of a SEQUENCE, alternatives of a CHOICE. The messages of this
 * folder carry them unread; here they are read and written by their names. `table.ts` says which versions have them.
 */

import {
	anyValue,
	application,
	at,
	boolean,
	choice,
	context,
	decode,
	encode,
	type Infer,
	integer,
	nullValue,
	objectIdentifier,
	octetString,
	optional,
	type Schema,
	sequence,
	sequenceOf,
} from "../../../asn1/schema.ts";
import { tlvBytes } from "../../../asn1/tlv-reader.ts";
import { tlv } from "../../../asn1/tlv-writer.ts";
import { Octet16, TransactionId } from "../../sgp22/basic-types.ts";
import { EimPackageResultErrorCode } from "../esipa-package.ts";
import { contentsOf, partsOf } from "./rewriting.ts";

/** VendorSpecificExtension; its data under A1, as the module of SGP.22 has it, or as mere octets under 81. */
const ProprietaryProtocolInformation = sequenceOf(
	sequence({
		vendorOid: at(context(0), objectIdentifier()),
		vendorSpecificData: choice({ value: at(context(1), anyValue()), octets: at(context(1), octetString()) }),
	}),
);

/** Which package is answered: its transaction where it had one, else whose it was. */
const correlationId = optional(
	choice({ eimTransactionId: at(context(0), TransactionId), eidValue: at(application(26), Octet16) }),
);

export const EuiccPackageUnsignedErrorCode = { sizeOverflow: 15, undefinedError: 127 } as const;

/** By type of the module, then by name. */
export const laterFields = {
	EimConfigurationData: { eSipaProprietaryProtocolInformation: ProprietaryProtocolInformation.retag(context(10)) },
	IpaCapabilities: { eSipaProprietaryProtocolInformation: ProprietaryProtocolInformation.retag(context(2)) },
	EuiccPackageErrorUnsigned: {
		euiccPackageUnsignedErrorCode: integer({ named: EuiccPackageUnsignedErrorCode }).retag(context(15)),
	},
	/** One octet, for the Minimum Security Level Check. */
	EUICCInfo2: { euiccMinimumSecurityLevel: octetString({ size: 1 }).retag(context(21)) },
	IoTSpecificInfo: { fallbackAllowedUpdateSupported: nullValue().retag(context(3)) },
	/** Possibly truncated. */
	CompactOtherSignedNotification: { euiccCiPKIdentifierToBeUsed: octetString() },
	/** Objects for data of which version 1.3 defines none. */
	ProfileInfo: { iotSpecificProfileInfo: sequence({}).retag(context(100)) },
	StoreMetadataRequest: { iotSpecificMetadata: sequence({}).retag(context(100)) },
	UpdateMetadataRequest: { fallbackAllowed: boolean().retag(context(103)) },
	TransferEimPackageResponse: {
		eimPackageReceivedWithCid: sequence({ correlationId }).retag(context(96)),
		eimPackageErrorWithCid: sequence({ correlationId, eimPackageError: EimPackageResultErrorCode }).retag(context(97)),
	},
} as const;

export type TypeWithLaterFields = keyof typeof laterFields;
type Fields<T extends TypeWithLaterFields> = (typeof laterFields)[T];
export type LaterFields<T extends TypeWithLaterFields> = {
	readonly [K in keyof Fields<T>]?: Fields<T>[K] extends Schema<unknown> ? Infer<Fields<T>[K]> : never;
};

/** Identifiers of what a type has later. */
export function laterTags(type: TypeWithLaterFields): readonly number[] {
	return Object.values<Schema<unknown>>(laterFields[type]).flatMap(({ identifiers }) => identifiers);
}

/** What a type has later under this tag; undefined for any other type or tag. */
export function laterField(
	type: string,
	tag: number,
): { readonly name: string; readonly schema: Schema<unknown> } | undefined {
	if (!Object.hasOwn(laterFields, type)) return undefined;
	const fields = Object.entries<Schema<unknown>>(laterFields[type as TypeWithLaterFields]);
	const [name, schema] = fields.find(([, one]) => one.accepts(tag)) ?? [];
	return name === undefined || schema === undefined ? undefined : { name, schema };
}

/**
 * What a value has of it.
 * @param bytes the whole TLV of the type (the EXPLICIT tag of a CHOICE included), whatever tag it stands under
 * @throws Asn1Error
 */
export function readLaterFields<T extends TypeWithLaterFields>(type: T, bytes: Uint8Array): LaterFields<T> {
	const found: Record<string, unknown> = {};
	for (const child of partsOf(bytes).children) {
		const later = laterField(type, child.tag);
		if (later !== undefined) found[later.name] = decode(later.schema, tlvBytes(bytes, child));
	}
	return found as LaterFields<T>;
}

/** The same SEQUENCE with these at its end. @throws Asn1Error */
export function withLaterFields<T extends TypeWithLaterFields>(
	type: T,
	bytes: Uint8Array,
	fields: LaterFields<T>,
): Uint8Array {
	const parts = partsOf(bytes);
	const added = Object.entries<Schema<unknown>>(laterFields[type]).flatMap(([name, schema]) => {
		const value = (fields as Record<string, unknown>)[name];
		return value === undefined ? [] : [encode(schema, value)];
	});
	return tlv(parts.whole.tag, contentsOf(parts), ...added);
}
