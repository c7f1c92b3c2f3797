/*
 * panecast: capture a screen, find what changed, encode it, ask for consent. The guide is docs/c.md.
 *
 * Handles are opaque. NULL, a handle that was freed, or one of another type is answered with
 * PANECAST_STATUS_INVALID_INPUT, never with a crash. Freeing NULL is fine. Results are written only where a
 * function answers PANECAST_STATUS_OK. Structs begin with struct_size: set it to the struct's sizeof and what is
 * not used to 0. Enumerations travel as uint32_t and are checked. All functions may be called from any thread.
 */


#ifndef PANECAST_H
#define PANECAST_H

/* Written by `cargo xtask header` from src/ffi/c. Do not edit. */

#include <stddef.h>
#include <stdint.h>

// What a call came to.
enum panecast_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It did what it says.
  PANECAST_STATUS_OK = 0,
  // The caller broke a documented rule: a wrong stride, a size of zero, an unknown name, a handle that is none.
  PANECAST_STATUS_INVALID_INPUT = 1,
  // Bytes from outside break the format.
  PANECAST_STATUS_INVALID_DATA = 2,
  // The bytes are sound, but need a newer version or a feature that is not built in.
  PANECAST_STATUS_UNSUPPORTED = 3,
  // A cap would be exceeded.
  PANECAST_STATUS_LIMIT_EXCEEDED = 4,
  // The source, display, window or file does not exist.
  PANECAST_STATUS_NOT_FOUND = 5,
  // The visitor or the operating system said no.
  PANECAST_STATUS_DENIED = 6,
  // The visitor took back what had been allowed.
  PANECAST_STATUS_REVOKED = 7,
  // The source has ended, or the object was stopped.
  PANECAST_STATUS_CLOSED = 8,
  // The source is there, but has not answered within its time.
  PANECAST_STATUS_STALLED = 9,
  // Decoder and encoder no longer hold the same picture; a fresh snapshot is needed.
  PANECAST_STATUS_DESYNC = 10,
  // Reading or writing failed.
  PANECAST_STATUS_IO = 11,
  // Who wants to come in did not prove that it may.
  PANECAST_STATUS_UNTRUSTED = 12,
  // A key, a link or a pass is no longer good.
  PANECAST_STATUS_EXPIRED = 13,
  // Sealed bytes were changed, left out, repeated or reordered on their way.
  PANECAST_STATUS_TAMPERED = 14,
  // A bug of the library was caught; the object refuses everything from now on and can only be freed.
  PANECAST_STATUS_PANICKED = 15,
  // Nothing has happened within the time; ask again.
  PANECAST_STATUS_NOTHING_NOW = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_status panecast_status;
#else
typedef uint32_t panecast_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a frame's pixels are laid out.
enum panecast_format
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // One plane of 4 bytes: blue, green, red, and one that is ignored.
  PANECAST_FORMAT_BGRA = 0,
  // One plane of 4 bytes: red, green, blue, and one that is ignored.
  PANECAST_FORMAT_RGBA = 1,
  // Three planes: luma, then blue and red differences at half width and height, rounded up. BT.601, limited range.
  PANECAST_FORMAT_I420 = 2,
  // Two planes: luma, then interleaved differences at half width and height, rounded up. BT.601, limited range.
  PANECAST_FORMAT_NV12 = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_format panecast_format;
#else
typedef uint32_t panecast_format;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What the visitor is asked to show.
enum panecast_purpose
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The visitor's screen, or one of the monitors.
  PANECAST_PURPOSE_SCREEN = 0,
  // One of the visitor's windows.
  PANECAST_PURPOSE_WINDOW = 1,
  // The visitor's camera.
  PANECAST_PURPOSE_CAMERA = 2,
  // The agent's own screen or window, shown to the visitor.
  PANECAST_PURPOSE_AGENT_SCREEN = 3,
  // Nothing of a person's: the built-in desktop, a file.
  PANECAST_PURPOSE_PREPARED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_purpose panecast_purpose;
#else
typedef uint32_t panecast_purpose;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What an encoder may lose.
enum panecast_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing: every picture is exact. The default.
  PANECAST_MODE_LOSSLESS = 0,
  // Films and photographs lose something at first and become exact once they are quiet; all else is exact.
  PANECAST_MODE_AUTO = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_mode panecast_mode;
#else
typedef uint32_t panecast_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a source is.
enum panecast_source_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // A monitor, or all of them.
  PANECAST_SOURCE_KIND_SCREEN = 0,
  // One window.
  PANECAST_SOURCE_KIND_WINDOW = 1,
  // The built-in animated desktop.
  PANECAST_SOURCE_KIND_PATTERN = 2,
  // A recorded file.
  PANECAST_SOURCE_KIND_FILE = 3,
  // Frames that the app pushes.
  PANECAST_SOURCE_KIND_PUSH = 4,
  // A camera.
  PANECAST_SOURCE_KIND_CAMERA = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_source_kind panecast_source_kind;
#else
typedef uint32_t panecast_source_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Where a camera looks.
enum panecast_facing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is no camera, or nobody says.
  PANECAST_FACING_UNKNOWN = 0,
  // At the person who holds the device.
  PANECAST_FACING_FRONT = 1,
  // Away from them.
  PANECAST_FACING_BACK = 2,
  // Wherever it was put.
  PANECAST_FACING_EXTERNAL = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_facing panecast_facing;
#else
typedef uint32_t panecast_facing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What the operating system says about capturing; not the visitor's consent.
enum panecast_permission_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Capture opens without a question.
  PANECAST_PERMISSION_STATE_GRANTED = 0,
  // Somebody said no, and nobody is asked again: settings have to be changed.
  PANECAST_PERMISSION_STATE_DENIED = 1,
  // Opening a source makes the system ask.
  PANECAST_PERMISSION_STATE_ASK = 2,
  // It cannot be had here, whatever this person says: a policy, no display, a system that has no such thing.
  PANECAST_PERMISSION_STATE_RESTRICTED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_permission_state panecast_permission_state;
#else
typedef uint32_t panecast_permission_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What an encoder did.
enum panecast_update_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The picture is what the viewers hold; there is no packet.
  PANECAST_UPDATE_KIND_UNCHANGED = 0,
  // A packet with what changed.
  PANECAST_UPDATE_KIND_DELTA = 1,
  // A packet that makes pixels exact which had lost something.
  PANECAST_UPDATE_KIND_REFINEMENT = 2,
  // A whole picture, because there was none or its size changed.
  PANECAST_UPDATE_KIND_KEYFRAME = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_update_kind panecast_update_kind;
#else
typedef uint32_t panecast_update_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What one packet did to a decoder.
enum panecast_decoded_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // A stream begins.
  PANECAST_DECODED_KIND_HEADER = 0,
  // There is a newer picture.
  PANECAST_DECODED_KIND_PICTURE = 1,
  // A new epoch over the same picture.
  PANECAST_DECODED_KIND_EPOCH = 2,
  // The cursor moved or changed its shape.
  PANECAST_DECODED_KIND_CURSOR = 3,
  // The recording ends here.
  PANECAST_DECODED_KIND_END = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_decoded_kind panecast_decoded_kind;
#else
typedef uint32_t panecast_decoded_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a share tells.
enum panecast_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Bytes of the stream, for all viewers or for one.
  PANECAST_EVENT_KIND_PACKET = 0,
  // The state of the picture changed.
  PANECAST_EVENT_KIND_STATE = 1,
  // The last event: the source ended or failed, or the visitor took the consent back.
  PANECAST_EVENT_KIND_ENDED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_event_kind panecast_event_kind;
#else
typedef uint32_t panecast_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What viewers should be told about the picture's life.
enum panecast_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The picture follows the source.
  PANECAST_STATE_LIVE = 0,
  // The source is there and unchanged.
  PANECAST_STATE_IDLE = 1,
  // The visitor paused; nothing is captured.
  PANECAST_STATE_PAUSED = 2,
  // The source does not answer.
  PANECAST_STATE_STALLED = 3,
  // The operating system lets nothing be captured for now.
  PANECAST_STATE_BLOCKED = 4,
  // What is shown forbids capture.
  PANECAST_STATE_SECURE = 5,
  // A connection is cut and may come back.
  PANECAST_STATE_RECONNECTING = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_state panecast_state;
#else
typedef uint32_t panecast_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a mask hides.
enum panecast_mask_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // A rectangle of the source's picture.
  PANECAST_MASK_KIND_RECT = 0,
  // A window, wherever it is.
  PANECAST_MASK_KIND_WINDOW = 1,
  // Everything but this window.
  PANECAST_MASK_KIND_ALL_BUT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_mask_kind panecast_mask_kind;
#else
typedef uint32_t panecast_mask_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How much a log callback is told.
enum panecast_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing.
  PANECAST_LOG_LEVEL_OFF = 0,
  // Bugs of the library that were caught.
  PANECAST_LOG_LEVEL_ERROR = 1,
  // Shares that begin and end, too.
  PANECAST_LOG_LEVEL_INFO = 2,
  // Every call that fails, too.
  PANECAST_LOG_LEVEL_DEBUG = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_log_level panecast_log_level;
#else
typedef uint32_t panecast_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a host or a joiner tells.
enum panecast_session_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Connect a WebSocket to the relay after `after_ms`, a host's to /ws/host, a joiner's to /ws/join; then call
  // ..._connected, or ..._disconnected where it fails.
  PANECAST_SESSION_EVENT_KIND_CONNECT = 0,
  // `text` is for the WebSocket, as a text message.
  PANECAST_SESSION_EVENT_KIND_SEND_TEXT = 1,
  // `bytes` are for the WebSocket, as a binary message.
  PANECAST_SESSION_EVENT_KIND_SEND_BINARY = 2,
  // Close the WebSocket, once what came before is sent.
  PANECAST_SESSION_EVENT_KIND_DISCONNECT = 3,
  // HOST. Show the key `text` to the visitor, in place of the one before; it is good for `after_ms`.
  PANECAST_SESSION_EVENT_KIND_KEY = 4,
  // HOST. A link is open: `https://RELAY/see#` and `text`; with `flag`, who has it needs a key besides.
  PANECAST_SESSION_EVENT_KIND_LINK = 5,
  // HOST. Who sent the link that was taken is waited for.
  PANECAST_SESSION_EVENT_KIND_WAITING = 6,
  // HOST. Agents with a pass may ask by the visitor's id `text`.
  PANECAST_SESSION_EVENT_KIND_PRESENT = 7,
  // HOST. Another device is the visitor `text` now.
  PANECAST_SESSION_EVENT_KIND_TAKEN_OVER = 8,
  // HOST. Ask the visitor, then call panecast_host_allow or panecast_host_decline: `joiner`, which calls itself `text`,
  // wants to see what `purpose` says. `agent`, if not NULL: a pass of the tenant's proves the name.
  PANECAST_SESSION_EVENT_KIND_ASK = 9,
  // HOST. `joiner` points or draws, as `mark` and what follows it say.
  PANECAST_SESSION_EVENT_KIND_MARK = 10,
  // HOST. The part of `joiner`, which called itself `text`, is over, or the question about it; `reason` says why.
  PANECAST_SESSION_EVENT_KIND_LEFT = 11,
  // The picture's state is `state`; at a joiner, `text` is what is shown. While it is paused there is no picture.
  PANECAST_SESSION_EVENT_KIND_STATE = 12,
  // HOST. Nothing is captured any more; `status` and `text` say why, 0 if nobody watches any more.
  PANECAST_SESSION_EVENT_KIND_STOPPED = 13,
  // The relay refuses; `refusal` and `text` say why. ENDED follows.
  PANECAST_SESSION_EVENT_KIND_REFUSED = 14,
  // All is over for `reason`; nothing follows.
  PANECAST_SESSION_EVENT_KIND_ENDED = 15,
  // JOINER. The key was right: nobody between can read what follows.
  PANECAST_SESSION_EVENT_KIND_SEALED = 16,
  // JOINER. The person at the other end is being asked.
  PANECAST_SESSION_EVENT_KIND_ASKING = 17,
  // JOINER. Allowed; pictures of `text` follow.
  PANECAST_SESSION_EVENT_KIND_ALLOWED = 18,
  // JOINER. Paint the newer picture: panecast_joiner_picture. It differs within `dirty`; with `flag`, its size changed.
  PANECAST_SESSION_EVENT_KIND_PICTURE = 19,
  // JOINER. The cursor moved or has another shape: panecast_joiner_cursor.
  PANECAST_SESSION_EVENT_KIND_CURSOR = 20,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_session_event_kind panecast_session_event_kind;
#else
typedef uint32_t panecast_session_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a session, or one watcher's part in it, is over.
enum panecast_end_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Who shared stopped.
  PANECAST_END_REASON_SHARER_STOPPED = 0,
  // Who watched left.
  PANECAST_END_REASON_WATCHER_LEFT = 1,
  // Who was asked said no.
  PANECAST_END_REASON_DECLINED = 2,
  // Who was asked did not answer in time.
  PANECAST_END_REASON_NO_ANSWER = 3,
  // Who shared sent this watcher away.
  PANECAST_END_REASON_DISMISSED = 4,
  // What was shared is gone.
  PANECAST_END_REASON_SOURCE_ENDED = 5,
  // Capture failed.
  PANECAST_END_REASON_SOURCE_FAILED = 6,
  // The key is not the one that was told.
  PANECAST_END_REASON_WRONG_KEY = 7,
  // The pass is not one of the tenant's.
  PANECAST_END_REASON_UNTRUSTED = 8,
  // The key, the link or the pass is too old.
  PANECAST_END_REASON_EXPIRED = 9,
  // The key or the link was used already, or guessed at too often.
  PANECAST_END_REASON_SPENT = 10,
  // Bytes were changed on their way.
  PANECAST_END_REASON_TAMPERED = 11,
  // The other end broke the rules of the session.
  PANECAST_END_REASON_BROKE_RULES = 12,
  // A connection was cut and did not come back in time.
  PANECAST_END_REASON_LOST = 13,
  // The other end took too long over the beginning.
  PANECAST_END_REASON_TIMED_OUT = 14,
  // The relay shuts down.
  PANECAST_END_REASON_RELAY_STOPPED = 15,
  // Something that should not fail did.
  PANECAST_END_REASON_FAILED = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_end_reason panecast_end_reason;
#else
typedef uint32_t panecast_end_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why the relay does not let an end in.
enum panecast_refusal
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // No room has this key.
  PANECAST_REFUSAL_WRONG_KEY = 0,
  // The room or the relay is full.
  PANECAST_REFUSAL_FULL = 1,
  // Another version of the protocol.
  PANECAST_REFUSAL_VERSION = 2,
  // A message that does not fit the protocol, or is too large.
  PANECAST_REFUSAL_BAD_MESSAGE = 3,
  // Too many keys were tried from this network, or of this tenant.
  PANECAST_REFUSAL_TOO_MANY_TRIES = 4,
  // The other side said no.
  PANECAST_REFUSAL_DECLINED = 5,
  // Nobody is there to be reached this way now.
  PANECAST_REFUSAL_UNAVAILABLE = 6,
  // The tenant is not known here, or the token does not allow this.
  PANECAST_REFUSAL_NOT_ALLOWED = 7,
  // The link was used up, or its host has closed it.
  PANECAST_REFUSAL_SPENT = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_refusal panecast_refusal;
#else
typedef uint32_t panecast_refusal;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a watcher marks.
enum panecast_mark_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // The laser pointer is at the only point; without one it is gone.
  PANECAST_MARK_KIND_POINTER = 0,
  // A line begins or, with the same number, goes on.
  PANECAST_MARK_KIND_LINE = 1,
  // All lines of this watcher go away.
  PANECAST_MARK_KIND_CLEAR = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_mark_kind panecast_mark_kind;
#else
typedef uint32_t panecast_mark_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a line looks like.
enum panecast_tool
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // A thin line.
  PANECAST_TOOL_PEN = 0,
  // A broad one that lets through what is below.
  PANECAST_TOOL_HIGHLIGHT = 1,
  // A straight line with a head at its last point.
  PANECAST_TOOL_ARROW = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_tool panecast_tool;
#else
typedef uint32_t panecast_tool;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Who may come by a link.
enum panecast_link_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // So many, so long, without more.
  PANECAST_LINK_KIND_ALONE = 0,
  // Those who have a key as well.
  PANECAST_LINK_KIND_WITH_KEYS = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_link_kind panecast_link_kind;
#else
typedef uint32_t panecast_link_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a link lets its reader do.
enum panecast_link_goal
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // See a screen that somebody shows.
  PANECAST_LINK_GOAL_SEE = 0,
  // Show a camera to who has sent it.
  PANECAST_LINK_GOAL_CAMERA = 1,
  // See what the visitor shows whose key it is.
  PANECAST_LINK_GOAL_KEY = 2,
  // No link: a relay's address.
  PANECAST_LINK_GOAL_NONE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum panecast_link_goal panecast_link_goal;
#else
typedef uint32_t panecast_link_goal;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which library encodes AV1. All exist in every build; [`Av1Choice::available`] says which one is built in.
typedef struct Av1Choice Av1Choice;

// Why a session, or one watcher's part in it, is over. Closed: the numbers are the wire's.
typedef struct EndReason EndReason;

// What a film is coded with.
typedef struct FilmCodec FilmCodec;

// What the viewers should be told about the picture's life.
typedef struct StreamState StreamState;

// A question to the visitor: may agents see this source?
typedef struct panecast_consent panecast_consent;

// Turns bytes of a stream back into pictures. Calls on one decoder from several threads wait for each other.
typedef struct panecast_decoder panecast_decoder;

// Turns frames into packets of a stream. Calls on one encoder from several threads wait for each other.
typedef struct panecast_encoder panecast_encoder;

// The visitor's yes, for one share of one source. It can be taken back.
typedef struct panecast_grant panecast_grant;

// The sharing end at a relay. All its functions may be called from any thread.
typedef struct panecast_host panecast_host;

// The watching end at a relay. All its functions may be called from any thread.
typedef struct panecast_joiner panecast_joiner;

// A link, or a relay's address.
typedef struct panecast_link panecast_link;

// Bytes that are the caller's, of a stream or of an event.
typedef struct panecast_packet panecast_packet;

// A running share. All its functions may be called from any thread.
typedef struct panecast_share panecast_share;

// A list of sources as they were when it was made.
typedef struct panecast_sources panecast_sources;

// What a stream may cost its decoder. A field of 0 is the default; NULL in its place is all defaults.
typedef struct panecast_limits {
  // sizeof(panecast_limits).
  uint32_t struct_size;
  // Longest side of a picture; 16384 if 0.
  uint32_t side_px;
  // Most pixels of a picture; 35651584 if 0.
  uint64_t pixels;
  // Most bytes of one packet; 256 MiB if 0.
  uint64_t packet_bytes;
} panecast_limits;

// A rectangle in physical pixels, from the picture's top left corner.
typedef struct panecast_rect {
  // Left column.
  uint32_t x;
  // Top row.
  uint32_t y;
  // Columns.
  uint32_t width;
  // Rows.
  uint32_t height;
} panecast_rect;

// What one packet did.
typedef struct panecast_decoded {
  // sizeof(panecast_decoded).
  uint32_t struct_size;
  // A panecast_decoded_kind.
  uint32_t kind;
  // PICTURE and EPOCH: the number to acknowledge.
  uint64_t sequence;
  // PICTURE: when it was taken.
  uint64_t timestamp_us;
  // PICTURE: 1 if it was a whole picture.
  uint32_t keyframe;
  // PICTURE: 1 if its size changed.
  uint32_t resized;
  // PICTURE: holds all that differs from the one before.
  struct panecast_rect dirty;
  // END: pictures in all, unchanged ones included.
  uint64_t frames;
  // END: pictures a second.
  uint32_t fps;
  // 0.
  uint32_t reserved;
} panecast_decoded;

// A decoder's picture.
typedef struct panecast_picture {
  // sizeof(panecast_picture).
  uint32_t struct_size;
  // Pixels in a row.
  uint32_t width;
  // Rows.
  uint32_t height;
  // 0.
  uint32_t reserved;
  // Blue, green, red, 255; rows from top to bottom.
  const uint8_t *pixels;
  // Bytes in all.
  size_t length;
  // Bytes from one row to the next.
  size_t stride_bytes;
  // Pixels that are not exact yet.
  uint64_t lossy_px;
} panecast_picture;

// Where the cursor is and what it looks like.
typedef struct panecast_cursor {
  // sizeof(panecast_cursor).
  uint32_t struct_size;
  // 1 if it is to be seen.
  uint32_t visible;
  // Its hotspot's column in the picture.
  int32_t x;
  // Its hotspot's row in the picture.
  int32_t y;
  // Columns of its shape; 0 if none was sent.
  uint32_t width;
  // Rows of its shape.
  uint32_t height;
  // The hotspot's column in the shape.
  uint32_t hotspot_x;
  // The hotspot's row in the shape.
  uint32_t hotspot_y;
  // Blue, green, red, alpha, premultiplied; rows of 4 × width bytes. NULL without a shape.
  const uint8_t *pixels;
  // Bytes in all.
  size_t length;
} panecast_cursor;

// How an encoder works. A field of 0 is the default; NULL in its place is all defaults.
typedef struct panecast_encoder_config {
  // sizeof(panecast_encoder_config).
  uint32_t struct_size;
  // A panecast_mode.
  uint32_t mode;
  // Of films and photographs, from 1 (smallest) to 100 (best); 60 if 0.
  uint32_t quality;
  // 1: what was lost is never made good. 0: once the place is quiet.
  uint32_t never_refine;
  // 1: no AV1; photographs are still coded with a bounded loss. 0: the best AV1 encoder that is built in.
  uint32_t no_av1;
  // Always 0.
  uint32_t reserved;
  // Most bytes that the encoder keeps; 512 MiB if 0.
  uint64_t memory_bytes;
} panecast_encoder_config;

// One plane of a frame.
typedef struct panecast_plane {
  // The first row's first byte.
  const uint8_t *bytes;
  // How many bytes may be read from there. The last row may end after its pixels, before its stride is over.
  size_t length;
  // Bytes from one row to the next.
  size_t stride_bytes;
} panecast_plane;

// A frame that is handed in. Nothing of it is kept after the call, and nobody may change it meanwhile.
typedef struct panecast_frame {
  // sizeof(panecast_frame).
  uint32_t struct_size;
  // A panecast_format.
  uint32_t format;
  // Pixels in a row.
  uint32_t width;
  // Rows.
  uint32_t height;
  // As many as the format has; the others are not looked at.
  struct panecast_plane planes[3];
  // Where it may differ from the frame before; NULL: anywhere. Pixels elsewhere are not read.
  const struct panecast_rect *damage;
  // How many rectangles. Not NULL and 0: nothing changed.
  size_t damage_count;
  // Microseconds since the stream began.
  uint64_t timestamp_us;
} panecast_frame;

// What an encoder did with a frame.
typedef struct panecast_update {
  // sizeof(panecast_update).
  uint32_t struct_size;
  // A panecast_update_kind.
  uint32_t kind;
  // The number by which viewers acknowledge the packet; the last one's if there is none.
  uint64_t sequence;
  // Pixels that changed.
  uint64_t dirty_px;
  // Pixels of the shown picture that are not exact.
  uint64_t lossy_px;
} panecast_update;

// A point in pixels of a picture; it may lie outside.
typedef struct panecast_point {
  // Column.
  int32_t x;
  // Row.
  int32_t y;
} panecast_point;

// What a host or a joiner tells. Which fields count, panecast_session_event_kind says; the others are 0.
typedef struct panecast_session_event {
  // sizeof(panecast_session_event).
  uint32_t struct_size;
  // A panecast_session_event_kind.
  uint32_t kind;
  // A joiner's number.
  uint32_t joiner;
  // A panecast_purpose.
  uint32_t purpose;
  // A panecast_state.
  uint32_t state;
  // A panecast_end_reason.
  uint32_t reason;
  // A panecast_status.
  uint32_t status;
  // 1 or 0.
  uint32_t flag;
  // Milliseconds.
  uint64_t after_ms;
  // Columns of the picture.
  uint32_t width;
  // Rows of the picture.
  uint32_t height;
  // Where the picture differs from the one before.
  struct panecast_rect dirty;
  // A panecast_mark_kind.
  uint32_t mark;
  // A line's number.
  uint32_t line;
  // A panecast_tool.
  uint32_t tool;
  // A line's colour, 0xRRGGBB.
  uint32_t colour;
  // Of a line or the pointer. All pointers are good until `held` is freed; in a callback until it returns.
  const struct panecast_point *points;
  // How many points.
  size_t point_count;
  // With a NUL at its end; NULL without one.
  const char *text;
  // With a NUL at its end; NULL without one.
  const char *agent;
  // For the WebSocket.
  const uint8_t *bytes;
  // How many bytes.
  size_t length;
  // A panecast_refusal.
  uint32_t refusal;
  // Always 0.
  uint32_t reserved;
  // Whose memory the pointers are in; it becomes the caller's, who frees it. NULL without any, and in a callback.
  struct panecast_packet *held;
} panecast_session_event;

// Told what happens, in order, on a thread of the library that holds no lock. `event` and what it points to are good until
// it returns. It may call every function; ..._free of its own host or joiner is refused, and ..._stop makes the call at
// hand the last. It must not unwind.
typedef void (*panecast_session_callback)(const struct panecast_session_event *event, void *user);

// Whom a host lets in, and how it encodes. A field of 0 or NULL is the default; NULL in its place is all defaults.
typedef struct panecast_host_config {
  // sizeof(panecast_host_config).
  uint32_t struct_size;
  // 1: agents may not come by a key. 0: a key is told.
  uint32_t no_keys;
  // Most pictures a second; 30 if 0.
  uint32_t fps;
  // A panecast_mode.
  uint32_t mode;
  // Of films and photographs, from 1 (smallest) to 100 (best); 60 if 0.
  uint32_t quality;
  // 1: what was lost is never made good. 0: once the place is quiet.
  uint32_t never_refine;
  // 1: no AV1. 0: the best AV1 encoder that is built in.
  uint32_t no_av1;
  // Always 0.
  uint32_t reserved;
  // Most bits a second for moving pictures; as the viewers' lines take if 0.
  uint64_t bitrate;
  // Most bytes that the encoder keeps; 512 MiB if 0.
  uint64_t memory_bytes;
  // Whose visitors and agents these are; "default" if NULL.
  const char *tenant;
  // The app's own id of its visitor, by which agents with a pass may ask; NULL: they may not. Needs `tenant_key`.
  const char *visitor;
  // The tenant's public key, by which passes are checked.
  const char *tenant_key;
  // Told what happens. NULL: panecast_host_next is asked.
  panecast_session_callback on_event;
  // Handed to `on_event`; it must be good on another thread.
  void *user;
} panecast_host_config;

// What is hidden of a source.
typedef struct panecast_mask {
  // A panecast_mask_kind.
  uint32_t kind;
  // RECT: which; without pixels it is refused.
  struct panecast_rect rect;
  // WINDOW and ALL_BUT: "0x1200003", "title:TEXT" or "class:TEXT".
  const char *window;
} panecast_mask;

// Figures of a share; totals since the start.
typedef struct panecast_stats {
  // sizeof(panecast_stats).
  uint32_t struct_size;
  // Viewers that have joined.
  uint32_t viewers;
  // Pictures captured.
  uint64_t frames_captured;
  // Updates sent to all viewers, without those that only refine.
  uint64_t updates_sent;
  // Updates that only made lossy places exact.
  uint64_t refinements_sent;
  // Bytes of all packets.
  uint64_t bytes_sent;
  // Bits a second that moving pictures may take; 0 while unknown.
  uint64_t target_bitrate;
  // Share of the picture that the last update changed, 0 to 1.
  float dirty_ratio;
  // Share of the shown picture that is exact, 0 to 1.
  float exact_ratio;
  // Share of the newest picture that masks hide, 0 to 1.
  float masked_ratio;
  // Milliseconds the last update took to compare and encode.
  float encode_ms;
  // Milliseconds from an update's sending to its acknowledgement, smoothed.
  float round_trip_ms;
  // Milliseconds that updates wait behind those before them, smoothed.
  float queueing_ms;
} panecast_stats;

// How to come in. One way: `visitor` with `credential`, `link` (with `key` where it asks for one), `sent_link`, or `key`. A
// field of 0 or NULL is not used.
typedef struct panecast_joiner_config {
  // sizeof(panecast_joiner_config).
  uint32_t struct_size;
  // What is to be seen: a panecast_purpose.
  uint32_t purpose;
  // Whose visitors and agents these are; "default" if NULL.
  const char *tenant;
  // How the other end is told who asks; a pass knows better.
  const char *who;
  // Nine digits that were read out; spaces in between are fine.
  const char *key;
  // What stands behind the # of a link.
  const char *link;
  // A link that was drawn here and sent to somebody else.
  const char *sent_link;
  // The visitor's id in the app.
  const char *visitor;
  // A pass of the tenant's with the agent's key.
  const char *credential;
  // What a stream may cost; NULL is all defaults.
  const struct panecast_limits *limits;
  // Told what happens. NULL: panecast_joiner_next is asked.
  panecast_session_callback on_event;
  // Handed to `on_event`; it must be good on another thread.
  void *user;
} panecast_joiner_config;

// What a link says. Its texts are good until the link is freed; they are NULL where there is none.
typedef struct panecast_link_info {
  // sizeof(panecast_link_info).
  uint32_t struct_size;
  // A panecast_link_goal.
  uint32_t goal;
  // 1: who sees needs a key besides.
  uint32_t needs_key;
  // 1: TLS leads to the relay.
  uint32_t secure;
  // All of it, in its one form; secret.
  const char *url;
  // The relay, as https://HOST. Links may come from anybody: an app with a relay of its own compares.
  const char *relay;
  // Where a host's WebSocket connects to, as wss://HOST/ws/host.
  const char *host_socket;
  // Where a joiner's WebSocket connects to.
  const char *joiner_socket;
  // For the configuration of a host or a joiner.
  const char *tenant;
  // SEE: `link` of a joiner; KEY: its `key`; CAMERA: for panecast_host_take_link.
  const char *secret;
} panecast_link_info;

// Told a line: how grave it is (`panecast_log_level`), and the line, which is good until it returns. It is called on any
// thread, on several at once, and no lock of the library's is held meanwhile: it may call every function. What these calls
// would log is not told. Lines have no key, link, token, name or title in them: what an error quotes of a caller's text is
// told by `panecast_last_error` alone. It must not unwind.
typedef void (*panecast_log_callback)(uint32_t level, const char *line, void *user);

// What a share tells.
typedef struct panecast_event {
  // sizeof(panecast_event).
  uint32_t struct_size;
  // A panecast_event_kind.
  uint32_t kind;
  // STATE: a panecast_state.
  uint32_t state;
  // ENDED: 0 if the source ended, else a panecast_status; panecast_last_error of the share says more.
  uint32_t reason;
  // PACKET: 1 if it is for every viewer that has had its snapshot, 0 if for `viewer` alone.
  uint32_t for_all;
  // PACKET: whom it is for.
  uint32_t viewer;
  // PACKET: 1 if it is to be acknowledged.
  uint32_t has_sequence;
  // 0.
  uint32_t reserved;
  // PACKET: the number that comes back in panecast_share_viewer_ack.
  uint64_t sequence;
  // PACKET: the bytes. In a callback good until it returns; from panecast_share_next until `packet` is freed.
  const uint8_t *bytes;
  // PACKET: how many bytes.
  size_t length;
  // PACKET from panecast_share_next: whose bytes they are; it becomes the caller's. NULL otherwise.
  struct panecast_packet *packet;
} panecast_event;

// Told what happens, in order, on a thread of the library that holds no lock; nothing is encoded meanwhile. `event` and
// its bytes are good until it returns. It may call every function; panecast_share_free of its own share is refused, and
// panecast_share_stop makes the call at hand the last. It must not unwind.
typedef void (*panecast_event_callback)(const struct panecast_event *event, void *user);

// How a share runs. A field of 0 is the default; NULL in its place is all defaults.
typedef struct panecast_share_config {
  // sizeof(panecast_share_config).
  uint32_t struct_size;
  // Most pictures a second; 30 if 0.
  uint32_t fps;
  // A panecast_mode.
  uint32_t mode;
  // Of films and photographs, from 1 (smallest) to 100 (best); 60 if 0.
  uint32_t quality;
  // 1: what was lost is never made good. 0: once the place is quiet.
  uint32_t never_refine;
  // 1: no AV1. 0: the best AV1 encoder that is built in.
  uint32_t no_av1;
  // Most bits a second for moving pictures; as the viewers' lines take if 0.
  uint64_t bitrate;
  // Most bytes that the encoder keeps; 512 MiB if 0.
  uint64_t memory_bytes;
  // Told what happens. NULL: panecast_share_next is asked.
  panecast_event_callback on_event;
  // Handed to `on_event`; it must be good on another thread.
  void *user;
} panecast_share_config;

// One source of a list.
typedef struct panecast_source {
  // sizeof(panecast_source).
  uint32_t struct_size;
  // A panecast_source_kind.
  uint32_t kind;
  // Pixels in a row.
  uint32_t width;
  // Rows.
  uint32_t height;
  // How to name it to panecast_consent_ask and panecast_share_start; good until the list is freed.
  const char *id;
  // What a person calls it, for the visitor's own eyes; good until the list is freed.
  const char *name;
  // 1 if x and y say where it is on the desktop.
  uint32_t has_place;
  // Columns from the desktop's own corner, in the desktop's own units.
  int32_t x;
  // Rows from there.
  int32_t y;
  // How large the desktop draws on it: 100 is one physical pixel for one of the desktop's.
  uint32_t scale_percent;
  // How far a monitor or a camera is turned, clockwise: 0, 90, 180 or 270. Pictures are upright.
  uint32_t rotation_degrees;
  // The process that a window is of, as it says itself; 0 where nobody says.
  uint32_t pid;
  // What program a window is of; NULL where nobody says. Good until the list is freed.
  const char *class_name;
  // A panecast_facing.
  uint32_t facing;
  // 0.
  uint32_t reserved;
} panecast_source;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Asks about `source`: "screen", "screen:0", "window:0x1200003", "pattern:640x360@30", "file:PATH", or
// "push:640x360" for frames that the app pushes. `purpose` is a panecast_purpose. Show the question to the visitor
// yourself; nothing is captured before panecast_consent_answer.
//
// Pointers:
// `source` is a text with a NUL at its end; `consent` is good for writing.
panecast_status panecast_consent_ask(uint32_t purpose,
                                     const char *source,
                                     struct panecast_consent **consent);

// The visitor answered: `allow` is 1 for yes, 0 for no. The question is freed unless this fails with INVALID_INPUT.
// A yes writes `*grant`, which becomes the caller's; a no is DENIED.
//
// Pointers:
// `grant` is good for writing.
panecast_status panecast_consent_answer(struct panecast_consent *consent,
                                        uint32_t allow,
                                        struct panecast_grant **grant);

// Frees a question that was not answered; NULL is fine.
panecast_status panecast_consent_free(struct panecast_consent *consent);

// The visitor takes the grant back, for good. Once this returns, the share that ran on it gives no packet any more, and
// what was captured is forgotten; from within its callback, none after the one at hand. Works after the share has used
// the grant up.
panecast_status panecast_grant_revoke(struct panecast_grant *grant);

// Writes 1 if the grant was taken back, else 0.
//
// Pointers:
// `revoked` is good for writing.
panecast_status panecast_grant_is_revoked(const struct panecast_grant *grant, uint32_t *revoked);

// Frees a grant; NULL is fine. A share that runs on it goes on, and nobody can take the grant back any more.
panecast_status panecast_grant_free(struct panecast_grant *grant);

// Makes a decoder at the start of a stream. `limits` may be NULL.
//
// Pointers:
// `limits` is NULL or a struct as its text says; `decoder` is good for writing.
panecast_status panecast_decoder_new(const struct panecast_limits *limits,
                                     struct panecast_decoder **decoder);

// Frees a decoder; NULL is fine. Its copies of pictures are zeroed.
panecast_status panecast_decoder_free(struct panecast_decoder *decoder);

// Takes bytes of the stream, in chunks of any length; then call panecast_decoder_next until it says NOTHING_NOW.
//
// Fails with LIMIT_EXCEEDED if more is pending than one packet may have, and with an earlier call's error until
// panecast_decoder_reset.
//
// Pointers:
// `bytes` is good for reading `length` bytes.
panecast_status panecast_decoder_feed(struct panecast_decoder *decoder,
                                      const uint8_t *bytes,
                                      size_t length);

// Decodes the next whole packet; NOTHING_NOW until more bytes are fed. `decoded` may be NULL.
//
// Fails with INVALID_DATA if the bytes break the format, UNSUPPORTED for a newer version, LIMIT_EXCEEDED if the stream
// asks for more than the limits, DESYNC if a packet is missing or repeated. Each retires the decoder until
// panecast_decoder_reset.
//
// Pointers:
// `decoded` is NULL or a struct as its text says.
panecast_status panecast_decoder_next(struct panecast_decoder *decoder,
                                      struct panecast_decoded *decoded);

// The newest picture, without a copy: its pixels are good until the next call on this decoder that feeds, decodes, resets
// or frees. NOTHING_NOW before the first picture and after an error.
//
// Pointers:
// `picture` is a struct as its text says.
panecast_status panecast_decoder_picture(const struct panecast_decoder *decoder,
                                         struct panecast_picture *picture);

// Copies the newest picture's rows to `pixels`, `stride_bytes` apart; what is behind a row's pixels stays. It must have
// `width` × `height` pixels. NOTHING_NOW before the first picture and after an error.
//
// Fails with INVALID_INPUT for another size, a stride shorter than a row, or too few bytes.
//
// Pointers:
// `pixels` is good for writing `length` bytes.
panecast_status panecast_decoder_copy_picture(const struct panecast_decoder *decoder,
                                              uint32_t width,
                                              uint32_t height,
                                              uint8_t *pixels,
                                              size_t length,
                                              size_t stride_bytes);

// Where the cursor is; its pixels are good as long as a picture's.
//
// Pointers:
// `cursor` is a struct as its text says.
panecast_status panecast_decoder_cursor(const struct panecast_decoder *decoder,
                                        struct panecast_cursor *cursor);

// How many pixels of `rect` in the newest picture are not exact yet; 0 without a picture.
//
// Pointers:
// `rect` is a rectangle; `lossy_px` is good for writing.
panecast_status panecast_decoder_lossy_px(const struct panecast_decoder *decoder,
                                          const struct panecast_rect *rect,
                                          uint64_t *lossy_px);

// Forgets everything, an error included; the next bytes must begin a stream.
panecast_status panecast_decoder_reset(struct panecast_decoder *decoder);

// Makes an encoder. `config` may be NULL.
//
// Fails with INVALID_INPUT for a field that makes no sense, UNSUPPORTED for what is not built in.
//
// Pointers:
// `config` is NULL or a struct as its text says; `encoder` is good for writing.
panecast_status panecast_encoder_new(const struct panecast_encoder_config *config,
                                     struct panecast_encoder **encoder);

// Frees an encoder; NULL is fine. Its copies of pictures are zeroed.
panecast_status panecast_encoder_free(struct panecast_encoder *encoder);

// Encodes what changed since the last call. `*packet` becomes the caller's, or NULL if nothing changed. `update` may be
// NULL. Costs one copy of the damaged pixels and the coding of those that changed.
//
// Fails with INVALID_INPUT for a frame that makes no sense, LIMIT_EXCEEDED for one that is too large; the encoder goes on.
//
// Pointers:
// `frame` is a struct as its text says; `packet` is good for writing, `update` is NULL or a struct as its text says.
panecast_status panecast_encoder_encode(struct panecast_encoder *encoder,
                                        const struct panecast_frame *frame,
                                        struct panecast_packet **packet,
                                        struct panecast_update *update);

// Makes lossy places exact that are quiet, in about `bytes` bytes; `focus` (NULL: none) comes first. `*packet` becomes the
// caller's, or NULL if nothing is due.
//
// Pointers:
// `focus` is NULL or a rectangle; `packet` is good for writing.
panecast_status panecast_encoder_refine(struct panecast_encoder *encoder,
                                        uint64_t timestamp_us,
                                        size_t bytes,
                                        const struct panecast_rect *focus,
                                        struct panecast_packet **packet);

// Brings a late joiner in: `*joiner` is for it, `*others` for all who already hold the picture; both become the caller's.
// NOTHING_NOW before the first picture.
//
// Pointers:
// `joiner` and `others` are good for writing.
panecast_status panecast_encoder_late_join(struct panecast_encoder *encoder,
                                           uint64_t timestamp_us,
                                           struct panecast_packet **joiner,
                                           struct panecast_packet **others);

// How many bits a second films may take; 0 for as many as the quality asks for.
panecast_status panecast_encoder_set_bitrate(struct panecast_encoder *encoder,
                                             uint64_t bits_a_second);

// Forgets all pictures and what was learnt of them; the next one is a keyframe after a stream header.
panecast_status panecast_encoder_forget(struct panecast_encoder *encoder);

// Ends a recording of `frames` pictures, unchanged ones included, `fps` a second. `*packet` becomes the caller's.
//
// Pointers:
// `packet` is good for writing.
panecast_status panecast_encoder_finish(struct panecast_encoder *encoder,
                                        uint64_t frames,
                                        uint32_t fps,
                                        struct panecast_packet **packet);

// A sentence about a status, for people; never NULL, never freed. An unknown number has one, too.
const char *panecast_strerror(uint32_t status);

// A status's stable name for logs and tests, such as "invalid-input"; never NULL, never freed.
const char *panecast_status_name(uint32_t status);

// What the last failed call on `handle` said, in a sentence; for NULL and for what is no handle, what the last failed call
// without a handle said on this thread (one that makes an object, frees one, or was given a handle that is none).
//
// Writes at most `capacity` bytes to `text`, a NUL always among them, and returns how many the whole sentence has without
// it, as snprintf does. With a capacity of 0 `text` may be NULL.
//
// Pointers:
// `text` is good for writing `capacity` bytes.
size_t panecast_last_error(const void *handle,
                           char *text,
                           size_t capacity);

// How many objects there are that were not freed: 0 at the end of a program without a leak.
size_t panecast_handles_alive(void);

// Makes a host. `config` may be NULL. Nothing is captured before panecast_host_allow. The first event asks for a connection.
//
// Pointers:
// `config` is NULL or a struct as its text says; `host` is good for writing.
panecast_status panecast_host_new(const struct panecast_host_config *config,
                                  struct panecast_host **host);

// What happened next, in order; waits up to `timeout_ms`. NOTHING_NOW if nothing has. It is to be asked again and again:
// pictures wait in it, and its caller's pace is theirs.
//
// Fails with CLOSED after ENDED was given and after panecast_host_stop, INVALID_INPUT if the host has a callback.
//
// Pointers:
// `event` is a struct as its text says.
panecast_status panecast_host_next(struct panecast_host *host,
                                   uint32_t timeout_ms,
                                   struct panecast_session_event *event);

// The WebSocket is there. `token`: who this is, where the tenant asks for it; NULL without one.
//
// Pointers:
// `token` is NULL or a text with a NUL at its end.
panecast_status panecast_host_connected(struct panecast_host *host, const char *token);

// Before a WebSocket is opened: what its request is to have as Sec-WebSocket-Protocol, names with commas in between, with the
// first messages among them; NOTHING_NOW if it is to have no such header. Then panecast_host_opened takes the place of
// panecast_host_connected. It saves a round trip. The packet is a text with a NUL at its end. `token`: who this is, where
// the tenant asks for it; NULL without one.
//
// Pointers:
// `token` is NULL or a text with a NUL at its end; `early` is good for writing.
panecast_status panecast_host_early(struct panecast_host *host,
                                    const char *token,
                                    struct panecast_packet **early);

// The WebSocket that panecast_host_early was asked for is there; `protocol` is the Sec-WebSocket-Protocol of the answer, NULL
// without one.
//
// Pointers:
// `protocol` is NULL or a text with a NUL at its end.
panecast_status panecast_host_opened(struct panecast_host *host,
                                     const char *protocol);

// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
panecast_status panecast_host_alive(struct panecast_host *host);

// The WebSocket is gone, or could not be had.
panecast_status panecast_host_disconnected(struct panecast_host *host);

// A text message came; it needs no NUL at its end.
//
// Pointers:
// `bytes` is good for reading `length` bytes.
panecast_status panecast_host_text(struct panecast_host *host, const char *bytes, size_t length);

// A binary message came.
//
// Pointers:
// `bytes` is good for reading `length` bytes.
panecast_status panecast_host_binary(struct panecast_host *host,
                                     const uint8_t *bytes,
                                     size_t length);

// The visitor allows `joiner` to see `source`, named as for panecast_consent_ask; "push:640x360" for frames that the app
// pushes. While others watch already, it is what they see. `purpose` is a panecast_purpose.
//
// Fails with INVALID_INPUT if this joiner asks nothing, if there is no such source, or if something else is shown already.
//
// Pointers:
// `source` is a text with a NUL at its end.
panecast_status panecast_host_allow(struct panecast_host *host,
                                    uint32_t joiner,
                                    uint32_t purpose,
                                    const char *source);

// The visitor does not let `joiner` see anything.
panecast_status panecast_host_decline(struct panecast_host *host, uint32_t joiner);

// Hands over a frame, as panecast_share_push. DENIED while nobody was allowed to see anything.
//
// Pointers:
// `frame` is a struct as its text says.
panecast_status panecast_host_push(struct panecast_host *host, const struct panecast_frame *frame);

// Shows nothing from here on, and forgets what was shown: once it returns, no picture is told any more.
panecast_status panecast_host_pause(struct panecast_host *host);

// Goes on after a pause, with a picture taken after this call.
panecast_status panecast_host_resume(struct panecast_host *host);

// Hides what these masks say from now on, whatever is shown.
//
// Pointers:
// `masks` is good for reading `count` masks, whose texts have a NUL at their end.
panecast_status panecast_host_set_masks(struct panecast_host *host,
                                        const struct panecast_mask *masks,
                                        size_t count);

// Writes figures of what is shown; zeros where nothing is.
//
// Pointers:
// `stats` is a struct as its text says.
panecast_status panecast_host_stats(struct panecast_host *host, struct panecast_stats *stats);

// Draws a link, in place of one before; LINK tells it. `kind` is a panecast_link_kind; alone it is good for `uses` and for
// `lasts_s` seconds.
panecast_status panecast_host_open_link(struct panecast_host *host,
                                        uint32_t kind,
                                        uint32_t uses,
                                        uint32_t lasts_s);

// Lets in the one who drew this link and sent it here, once: a deep link that asks for a camera.
//
// Pointers:
// `link` is a text with a NUL at its end.
panecast_status panecast_host_take_link(struct panecast_host *host, const char *link);

// Sends a watcher away.
panecast_status panecast_host_dismiss(struct panecast_host *host, uint32_t joiner);

// The visitor ends it and takes the consent back. Capture stops before this returns; the events that follow tell the others.
panecast_status panecast_host_end(struct panecast_host *host);

// Ends all at once, without a word to anybody. After it returned, the callback is not called any more; from within the
// callback it does not wait, and the call at hand is the last.
panecast_status panecast_host_stop(struct panecast_host *host);

// Stops a host as panecast_host_stop and frees it; NULL is fine. INVALID_INPUT from within its own callback, and nothing
// happens.
panecast_status panecast_host_free(struct panecast_host *host);

// Makes a joiner, which knocks. The first event asks for a connection.
//
// Fails with INVALID_INPUT for a key, link or pass that cannot be one.
//
// Pointers:
// `config` is a struct as its text says; `joiner` is good for writing.
panecast_status panecast_joiner_new(const struct panecast_joiner_config *config,
                                    struct panecast_joiner **joiner);

// What happened next, in order; waits up to `timeout_ms`. NOTHING_NOW if nothing has. Pictures that were told before count
// as painted.
//
// Fails with CLOSED after ENDED was given and after panecast_joiner_stop, INVALID_INPUT if the joiner has a callback.
//
// Pointers:
// `event` is a struct as its text says.
panecast_status panecast_joiner_next(struct panecast_joiner *joiner,
                                     uint32_t timeout_ms,
                                     struct panecast_session_event *event);

// The WebSocket is there. `token`: who this is, where the tenant asks for it; NULL without one.
//
// Pointers:
// `token` is NULL or a text with a NUL at its end.
panecast_status panecast_joiner_connected(struct panecast_joiner *joiner, const char *token);

// Before a WebSocket is opened: what its request is to have as Sec-WebSocket-Protocol, names with commas in between, with the
// first messages among them; NOTHING_NOW if it is to have no such header. Then panecast_joiner_opened takes the place of
// panecast_joiner_connected. It saves a round trip. The packet is a text with a NUL at its end. `token`: who this is, where
// the tenant asks for it; NULL without one.
//
// Pointers:
// `token` is NULL or a text with a NUL at its end; `early` is good for writing.
panecast_status panecast_joiner_early(struct panecast_joiner *joiner,
                                      const char *token,
                                      struct panecast_packet **early);

// The WebSocket that panecast_joiner_early was asked for is there; `protocol` is the Sec-WebSocket-Protocol of the answer, NULL
// without one.
//
// Pointers:
// `protocol` is NULL or a text with a NUL at its end.
panecast_status panecast_joiner_opened(struct panecast_joiner *joiner,
                                       const char *protocol);

// Bytes come or go that are no whole message yet: the relay is there. For apps whose WebSocket tells.
panecast_status panecast_joiner_alive(struct panecast_joiner *joiner);

// The WebSocket is gone, or could not be had.
panecast_status panecast_joiner_disconnected(struct panecast_joiner *joiner);

// A text message came; it needs no NUL at its end.
//
// Pointers:
// `bytes` is good for reading `length` bytes.
panecast_status panecast_joiner_text(struct panecast_joiner *joiner,
                                     const char *bytes,
                                     size_t length);

// A binary message came.
//
// Pointers:
// `bytes` is good for reading `length` bytes.
panecast_status panecast_joiner_binary(struct panecast_joiner *joiner,
                                       const uint8_t *bytes,
                                       size_t length);

// Where the person looks: it is made exact first. NULL if everywhere.
//
// Pointers:
// `rect` is NULL or a rectangle.
panecast_status panecast_joiner_focus(struct panecast_joiner *joiner,
                                      const struct panecast_rect *rect);

// The laser pointer is at `at`, in pixels of the picture; NULL: it is gone.
//
// Pointers:
// `at` is NULL or a point.
panecast_status panecast_joiner_point(struct panecast_joiner *joiner,
                                      const struct panecast_point *at);

// A line begins or, with the same number, goes on by 1 to 512 points. `tool` is a panecast_tool, `colour` 0xRRGGBB.
//
// Pointers:
// `points` is good for reading `count` points.
panecast_status panecast_joiner_draw(struct panecast_joiner *joiner,
                                     uint32_t line,
                                     uint32_t tool,
                                     uint32_t colour,
                                     const struct panecast_point *points,
                                     size_t count);

// All lines that were drawn here go away.
panecast_status panecast_joiner_clear(struct panecast_joiner *joiner);

// The person wants no pictures for now (1), or wants them again (0).
panecast_status panecast_joiner_pause(struct panecast_joiner *joiner, uint32_t paused);

// The person leaves; the events that follow tell the other end.
panecast_status panecast_joiner_leave(struct panecast_joiner *joiner);

// The newest picture, without a copy: its pixels are good until the next call of panecast_joiner_next, _stop or _free; with a
// callback, within it alone. NOT_FOUND while there is none.
//
// Pointers:
// `picture` is a struct as its text says.
panecast_status panecast_joiner_picture(struct panecast_joiner *joiner,
                                        struct panecast_picture *picture);

// Copies the newest picture, as panecast_decoder_copy_picture; from any thread at any time. NOT_FOUND while there is none.
//
// Pointers:
// `pixels` is good for writing `length` bytes.
panecast_status panecast_joiner_copy_picture(struct panecast_joiner *joiner,
                                             uint32_t width,
                                             uint32_t height,
                                             uint8_t *pixels,
                                             size_t length,
                                             size_t stride_bytes);

// Where the cursor is; its pixels are good as long as a picture's.
//
// Pointers:
// `cursor` is a struct as its text says.
panecast_status panecast_joiner_cursor(struct panecast_joiner *joiner,
                                       struct panecast_cursor *cursor);

// Ends all at once, without a word to anybody. After it returned, the callback is not called any more; from within the
// callback it does not wait, and the call at hand is the last.
panecast_status panecast_joiner_stop(struct panecast_joiner *joiner);

// Stops a joiner as panecast_joiner_stop and frees it; NULL is fine. INVALID_INPUT from within its own callback, and nothing
// happens.
panecast_status panecast_joiner_free(struct panecast_joiner *joiner);

// Reads a link such as https://RELAY/camera?tenant=NAME#... `app_scheme`: the app's own scheme, if such links open it too; it
// stands for https. NULL without one.
//
// Fails with INVALID_INPUT if it is none, or not whole.
//
// Pointers:
// `url` is a text with a NUL at its end, `app_scheme` too or NULL; `link` is good for writing.
panecast_status panecast_link_read(const char *url,
                                   const char *app_scheme,
                                   struct panecast_link **link);

// Writes a link for somebody else. `goal` is a panecast_link_goal, `relay` an address as people write it, `tenant` may be NULL;
// `secret`: SEE: what LINK told; CAMERA: what panecast_link_draw wrote; KEY: what KEY told.
//
// Fails with INVALID_INPUT if one of them cannot be.
//
// Pointers:
// The texts have a NUL at their end; `link` is good for writing.
panecast_status panecast_link_write(uint32_t goal,
                                    const char *relay,
                                    const char *tenant,
                                    const char *secret,
                                    struct panecast_link **link);

// Reads a relay's address as people write it, https://HOST or https://HOST:PORT; no scheme at all is http. The goal is NONE.
//
// Fails with INVALID_INPUT if it is none.
//
// Pointers:
// `address` is a text with a NUL at its end; `link` is good for writing.
panecast_status panecast_link_relay(const char *address,
                                    struct panecast_link **link);

// Draws a link to a camera, to be sent to somebody: knock with its `secret` as `sent_link` of a joiner.
//
// Fails with INVALID_INPUT if `relay` or `tenant` (NULL is the default one) cannot be, IO where there is no randomness.
//
// Pointers:
// The texts have a NUL at their end; `link` is good for writing.
panecast_status panecast_link_draw(const char *relay,
                                   const char *tenant,
                                   struct panecast_link **link);

// Writes what a link says.
//
// Pointers:
// `info` is a struct as its text says.
panecast_status panecast_link_tell(const struct panecast_link *link,
                                   struct panecast_link_info *info);

// Frees a link; NULL is fine.
panecast_status panecast_link_free(struct panecast_link *link);

// Has `callback` told what happens, up to `level` (`panecast_log_level`); NULL ends it. Once this returns, no call of a
// callback that was there before is under way, and none begins. From within a log callback it does not wait: calls that
// are under way go on, the one at hand and those of other threads.
panecast_status panecast_log_set(uint32_t level,
                                 panecast_log_callback callback,
                                 void *user);

// Where its bytes are, and how many; good until it is freed.
//
// Pointers:
// `bytes` and `length` are good for writing.
panecast_status panecast_packet_bytes(const struct panecast_packet *packet,
                                      const uint8_t **bytes,
                                      size_t *length);

// Frees a packet; NULL is fine.
panecast_status panecast_packet_free(struct panecast_packet *packet);

// Starts to share `source`, which `grant` must be for; the grant is used up by a share that starts. `config` may be NULL.
// Nothing is captured before the first viewer joins.
//
// Fails with DENIED if the grant is for something else or used up, REVOKED if it was taken back, NOT_FOUND or UNSUPPORTED
// if the source is not to be had, INVALID_INPUT for what makes no sense.
//
// Pointers:
// `source` is a text with a NUL at its end; `config` is NULL or a struct as its text says; `share` is good for writing.
panecast_status panecast_share_start(struct panecast_grant *grant,
                                     const char *source,
                                     const struct panecast_share_config *config,
                                     struct panecast_share **share);

// What happened next, in order; waits up to `timeout_ms`. NOTHING_NOW if nothing has. What was captured before a pause, a
// change of masks or the consent's end is never given after it.
//
// Fails with CLOSED after ENDED was given and after panecast_share_stop, INVALID_INPUT if the share has a callback.
//
// Pointers:
// `event` is a struct as its text says.
panecast_status panecast_share_next(struct panecast_share *share,
                                    uint32_t timeout_ms,
                                    struct panecast_event *event);

// Hands over a frame; it replaces one that was not captured yet. Costs one copy of the damaged pixels. Another size than
// before resizes the source.
//
// Fails with INVALID_INPUT if the share captures its source itself or the frame makes no sense, REVOKED if the visitor
// took the consent back, CLOSED after the share's end, LIMIT_EXCEEDED if the frame is too large.
//
// Pointers:
// `frame` is a struct as its text says.
panecast_status panecast_share_push(struct panecast_share *share,
                                    const struct panecast_frame *frame);

// No more frames will be pushed: what was pushed last still goes out, then comes ENDED.
panecast_status panecast_share_end(struct panecast_share *share);

// A viewer joined, or lost its place: it gets a snapshot, then what follows. The app numbers its viewers as it likes.
panecast_status panecast_share_viewer_joined(struct panecast_share *share,
                                             uint32_t viewer);

// The transport has dropped what was on its way to a viewer. It holds up nobody until it joins anew.
panecast_status panecast_share_viewer_behind(struct panecast_share *share,
                                             uint32_t viewer);

// A viewer left.
panecast_status panecast_share_viewer_left(struct panecast_share *share, uint32_t viewer);

// A viewer has painted the update `sequence`, and so all before it. `held_us`: how long it took from the update's last
// byte until it told; 0 if it does not say.
panecast_status panecast_share_viewer_ack(struct panecast_share *share,
                                          uint32_t viewer,
                                          uint64_t sequence,
                                          uint64_t held_us);

// What the agents look at: it is refined first. NULL if nobody says.
//
// Pointers:
// `focus` is NULL or a rectangle.
panecast_status panecast_share_set_focus(struct panecast_share *share,
                                         const struct panecast_rect *focus);

// Stops capturing until panecast_share_resume, and forgets all pictures. Once it returns no packet from before is given
// any more; from within the callback, none after the one at hand.
panecast_status panecast_share_pause(struct panecast_share *share);

// Goes on after a pause, with a picture taken after this call.
panecast_status panecast_share_resume(struct panecast_share *share);

// Hides what these masks say, in place of what was hidden before; none hide nothing. Once it returns, no picture without
// them is given. Set before the first viewer joins, they are on in every picture. A mask of a window hides all where the
// source does not know where windows are.
//
// Pointers:
// `masks` is good for reading `count` masks, whose texts have a NUL at their end.
panecast_status panecast_share_set_masks(struct panecast_share *share,
                                         const struct panecast_mask *masks,
                                         size_t count);

// Writes figures since the start.
//
// Pointers:
// `stats` is a struct as its text says.
panecast_status panecast_share_stats(struct panecast_share *share, struct panecast_stats *stats);

// Stops capturing and encoding and waits for the library's threads. After it returned, the callback is not called any
// more; from within the callback it does not wait, and the call at hand is the last. A second time does nothing.
panecast_status panecast_share_stop(struct panecast_share *share);

// Stops a share as panecast_share_stop and frees it; NULL is fine. INVALID_INPUT from within its own callback, and nothing
// happens.
panecast_status panecast_share_free(struct panecast_share *share);

// Lists monitors, windows and the built-in desktop; without a display only the last. STALLED if the display does not answer.
//
// Pointers:
// `list` is good for writing.
panecast_status panecast_sources_list(struct panecast_sources **list);

// Writes how many sources a list has.
//
// Pointers:
// `count` is good for writing.
panecast_status panecast_sources_count(const struct panecast_sources *list, size_t *count);

// Writes the source with this index, from 0 on. NOT_FOUND if there are fewer.
//
// Pointers:
// `source` is a struct as its text says.
panecast_status panecast_sources_at(const struct panecast_sources *list,
                                    size_t index,
                                    struct panecast_source *source);

// Frees a list; NULL is fine.
panecast_status panecast_sources_free(struct panecast_sources *list);

// Says whether the operating system lets this program capture for a purpose, as it is now: nothing is opened and nobody is
// asked. It is not the visitor's consent. May wait up to 1 s for a display that does not answer.
//
// next may be NULL; else up to next_bytes bytes, the final NUL among them, of what the person at the machine can do next
// are written there, as a sentence to show: nothing but the NUL where nothing is to be done.
//
// Pointers:
// `state` is good for writing, `next` is NULL or good for writing `next_bytes` bytes.
panecast_status panecast_permission(uint32_t purpose,
                                    uint32_t *state,
                                    char *next,
                                    size_t next_bytes);

// The library's version, such as "0.1.0"; never NULL, never freed.
const char *panecast_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PANECAST_H */
