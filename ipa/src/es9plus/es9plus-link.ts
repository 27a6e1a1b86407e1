/** What a server refuses by the book, in words. */
export interface Es9PlusRefusal {
	readonly reason: string;
	/** The number in the ASN.1 binding, or "subject/reason" of SGP.22 §5.2.6 in JSON. */
	readonly code: string;
}

export type Es9PlusAnswer<T> = { readonly ok: T } | { readonly refused: Es9PlusRefusal };

/**
 * Moves functions of ES9+ and ES11 to one server and back, in one encoding. A message is the TLV of the function
 * without any wrapper, as BF39; the answer likewise, empty where the function has none.
 */
export interface Es9PlusLink {
	/**
	 * @param address FQDN with an optional port
	 * @throws Es9PlusLinkError
	 */
	exchange(address: string, message: Uint8Array, signal?: AbortSignal): Promise<Es9PlusAnswer<Uint8Array>>;
	close(): void;
}
