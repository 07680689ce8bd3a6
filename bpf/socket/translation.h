/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One destination of a socket and the backend that it leads to. All functions run under the socket's lock, or on a copy
 * of their own.
 */
#ifndef SHUNT_TRANSLATION_H
#define SHUNT_TRANSLATION_H

#include "bpf/decision.h"
#include "bpf/membership.h"

/*
 * Ticks (together at least a second) for which a service has to be silent before a UDP datagram that names the backend
 * ends the reversal of its replies. Until then replies to what went to the service may be under way; and it may be such
 * a datagram itself: io_uring tries a send again, when the socket's buffer was full, with the address that this program
 * wrote the first time.
 */
#define SHUNT_DIRECT_SILENCE 2

/* No flow is idle after a silence of fewer ticks: shunt_is_idle() with the smallest limit there is. */
#define SHUNT_IDLE_SILENCE 2

static __always_inline __u32 tick_now(void)
{
	return shunt_tick(bpf_ktime_get_coarse_ns());
}

static __always_inline struct destination dialled_of(const struct shunt_translation *translation)
{
	return (struct destination){ .address = translation->dialled, .port = translation->dialled_port };
}

static __always_inline struct destination backend_of(const struct shunt_translation *translation)
{
	return (struct destination){ .address = translation->backend_address,
				     .port = translation->backend_port };
}

/* True if this is what `dialled` was translated to. */
static __always_inline int leads_from(const struct shunt_translation *translation,
				      const struct destination *dialled)
{
	return (translation->flags & SHUNT_STATE_TRANSLATED) &&
	       is_destination(dialled, &translation->dialled, translation->dialled_port);
}

/* True if this is a translation to `backend`. */
static __always_inline int leads_to(const struct shunt_translation *translation,
				    const struct destination *backend)
{
	return (translation->flags & SHUNT_STATE_TRANSLATED) &&
	       is_destination(backend, &translation->backend_address, translation->backend_port);
}

/* True if what `backend` sends is to be shown as what this translation was dialled as. */
static __always_inline int answers(const struct shunt_translation *translation,
				   const struct destination *backend)
{
	return (translation->flags & SHUNT_STATE_ANSWERS) && leads_to(translation, backend);
}

/* Keeps the flags that belong to the socket. `tick` is when a datagram was last sent there. */
static __always_inline void write_translation(struct shunt_translation *translation,
					      const struct destination *dialled,
					      const struct decision *decision, __u32 tick)
{
	__u32 flags = translation->flags & (SHUNT_STATE_PEERS | SHUNT_STATE_EXEMPT);

	translation->pool_word = decision->pool_word;
	translation->dialled = dialled->address;
	translation->dialled_port = dialled->port;
	translation->backend_address = decision->to.address;
	translation->backend_port = decision->to.port;
	translation->pool = decision->pool;
	translation->backend = decision->backend;
	flags |= SHUNT_STATE_TRANSLATED | SHUNT_STATE_ANSWERS;
	translation->flags = shunt_flags_at(flags, tick);
}

/* Notes a datagram that was sent to what was dialled. Writes once a tick. */
static __always_inline void note_send(struct shunt_translation *translation, __u32 now)
{
	__u32 flags = shunt_flags_at(translation->flags & ~SHUNT_STATE_DIRECT, now);

	if (translation->flags != flags)
		translation->flags = flags;
}

/* Notes a datagram from the backend. After a direct dial it may be the answer to that, and so no sign of use. */
static __always_inline void note_reply(struct shunt_translation *translation)
{
	__u32 flags = shunt_flags_at(translation->flags, tick_now());

	if (translation->flags != flags && !(flags & SHUNT_STATE_DIRECT))
		translation->flags = flags;
}

/* The application dials the backend itself: its replies keep their source, at once or after a silence. */
static __always_inline void note_direct_dial(struct shunt_translation *translation)
{
	if (shunt_silence(translation->flags, tick_now()) >= SHUNT_DIRECT_SILENCE)
		translation->flags &= ~SHUNT_STATE_ANSWERS;
	else
		translation->flags |= SHUNT_STATE_DIRECT;
}

#endif
