/** The part of smpp 0.5 that is used: octets of protocol data units to objects and back. The sessions are our own. */
declare module "smpp" {
	/** A protocol data unit; fields by their names in SMPP 3.4, times and messages in forms of the library. */
	export interface Pdu {
		readonly command: string;
		readonly command_status: number;
		readonly sequence_number: number;
		readonly [field: string]: unknown;
		isResponse(): boolean;
		/** Fills in defaults of what was not given; may be called once. */
		toBuffer(): Buffer;
	}
	interface PduConstructor {
		new (command: string, fields?: Readonly<Record<string, unknown>>): Pdu;
		/** @throws Error on octets that are none */
		new (octets: Buffer): Pdu;
		/** Octets of the largest that is read. */
		maxLength: number;
	}
	const smpp: {
		readonly PDU: PduConstructor;
		readonly commands: Readonly<Record<string, { readonly id: number }>>;
		/** Numbers of command statuses by name. */
		readonly errors: Readonly<Record<string, number>>;
	};
	export default smpp;
}
