/** Who is at the other end, as its handshake proved. At least one member is there. */
export interface ProvenPeer {
	/** X.509 certificate, DER. */
	readonly certificate?: Uint8Array;
	/** SubjectPublicKeyInfo, DER: of the certificate, or a raw public key (RFC 7250). */
	readonly publicKey?: Uint8Array;
	/** Identity of the pre-shared key (RFC 4279). */
	readonly pskIdentity?: string;
}

/** What a path tells its one receiver. */
export interface DatagramReceiver {
	datagram(bytes: Uint8Array): void;
	/** The last call; with the cause when the path ended by a failure. */
	closed(cause?: Error): void;
}

/** Datagrams to and from one peer: plain UDP, or one DTLS session. Datagrams may get lost, doubled and reordered. */
export interface DatagramPath {
	/** `host:port` where the peer was last heard, for logs. */
	readonly remoteAddress: string;
	/** Absent on plain UDP: nobody has proven anything. */
	readonly proven: ProvenPeer | undefined;
	/** The largest datagram in octets that goes out in one piece. */
	readonly maxDatagram: number;
	/** Never throws for what happens on the way; a datagram beyond `maxDatagram` is a mistake of the caller. */
	send(datagram: Uint8Array): void;
	/** Datagrams that came before this call are delivered then. */
	receive(receiver: DatagramReceiver): void;
	/** Ends the path; a DTLS session says so to its peer. */
	close(): void;
}

/** A socket that accepts paths. */
export interface DatagramServer {
	readonly host: string;
	readonly port: number;
	/** Ends the socket and all its paths. */
	close(): Promise<void>;
}
