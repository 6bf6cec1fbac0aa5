"""The server: routes, what each answers, and a studio from its beginning to its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from howlkit import HowlkitError
from howlkit.music import midi
from howlkit_studio import exports, tones
from howlkit_studio.connection import Connections
from howlkit_studio.desk import Desk
from howlkit_studio.document import Document
from howlkit_studio.edits import LONGEST_NAME, MOST_NOTES
from howlkit_studio.first_piece import first_piece
from howlkit_studio.gate import Gate
from howlkit_studio.limits import MESSAGE_BYTES, UPLOAD_BYTES
from howlkit_studio.models import Model
from howlkit_studio.page_files import INDEX, page_files
from howlkit_studio.pieces import document_of, new_document
from howlkit_studio.projects import Project, Projects, file_stem
from howlkit_studio.provenance import signed

__all__ = ["LOCAL", "Studio", "bound", "serve"]

LOCAL = ("127.0.0.1", "localhost", "::1")
"""The names of this computer for itself."""

SYNC_SECONDS = 1.0
"""How often what is new of the history is put on the disk."""

NEW_NAME = "New piece"


@dataclass(frozen=True)
class Studio:
    """What a studio is started with.

    model: the one that plays; it is loaded when the server runs. file: the MIDI file to open;
    None: what was open last. folder: where projects lie; None: that of the user.
    """

    model: Model
    file: Path | None = None
    folder: Path | None = None
    version: str = "0.1.0"


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes any free one. HowlkitError if it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # who comes before the server runs waits
    except OSError as error:
        listening.close()
        raise HowlkitError(
            f"port {port} of {host} cannot be used: {error.strerror}; another studio may be open "
            "there. Choose another one: --port 0 takes any that is free"
        ) from error
    return listening


def serve(studio: Studio, listening: socket.socket) -> tuple[uvicorn.Server, str]:
    """Open the project; return a server, to be run by `run(sockets=[listening])`, and its link.

    The model begins to load when it runs. Raises HowlkitError if the project cannot be opened.
    """
    host, port = listening.getsockname()[:2]
    hosts = LOCAL if host in LOCAL else (host, *LOCAL)
    gate = Gate(_application(studio), hosts=hosts, port=port)
    config = uvicorn.Config(
        gate,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=16 * 1024,
    )
    shown = f"[{host}]" if ":" in host else host
    return uvicorn.Server(config), f"http://{shown}:{port}/?token={gate.token}"


def opened(projects: Projects, file: Path | None) -> Project:
    """Return the project to begin with.

    file: a MIDI file, of which a new project is made; None: the project that was changed last, and
    on a first visit the first piece.
    """
    if file is not None:
        return projects.new(file.name, _document(file.read_bytes(), file.name))
    listed = projects.listed()
    for each in listed:
        with contextlib.suppress(HowlkitError):  # open in another studio, or damaged
            return projects.open(each.id)
    return projects.new(NEW_NAME, new_document()) if listed else first_piece(projects)


def _document(data: bytes, name: str) -> Document:
    """Return the document of a MIDI file; HowlkitError if it is none, or has too many notes."""
    piece = midi.read_bytes(data, name=name, extras=True)
    if len(piece) > MOST_NOTES:
        raise HowlkitError(f"this file has {len(piece):,} notes; {MOST_NOTES:,} are allowed")
    return document_of(piece)


def _application(studio: Studio) -> Starlette:
    """Return the application, without its gate."""
    handlers = _Handlers(studio)
    return Starlette(
        routes=[
            Route("/", handlers.index),
            Route("/page/{name:path}", handlers.page),
            Route("/tone/{program:int}/{pitch:int}", handlers.tone),
            Route("/export/{format}", handlers.export),
            Route("/import", handlers.import_file, methods=["POST"]),
            WebSocketRoute("/ws", handlers.websocket),
        ],
        lifespan=handlers.lifespan,
    )


class _Handlers:
    """What each route answers."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._files = studio, page_files()
        self._projects = Projects(studio.folder)
        self._project = opened(self._projects, studio.file)
        self._desk: Desk
        self._connections: Connections

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Lay the project on a desk, load the model; at the end, keep all and close."""
        loop, model = asyncio.get_running_loop(), self._studio.model
        self._desk = Desk(
            self._projects,
            self._project,
            model,
            version=self._studio.version,
            exports=exports.missing(),
        )
        self._connections = Connections(self._desk)
        model.load(lambda: _soon(loop, self._desk.model_changed))
        syncing = asyncio.create_task(self._sync())
        try:
            yield
        finally:
            syncing.cancel()
            await self._desk.close()

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            await run_in_threadpool(self._desk.sync)

    async def index(self, request: Request) -> Response:
        """Answer with the page."""
        return self._file(INDEX)

    async def page(self, request: Request) -> Response:
        """Answer with a file of the page, by its name in the table."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        file = self._files.get(name)
        if file is None:
            return PlainTextResponse("There is no such file.\n", 404)
        return Response(file.data, media_type=file.media_type)

    async def tone(self, request: Request) -> Response:
        """Answer with the sound of one note."""
        program, pitch = request.path_params["program"], request.path_params["pitch"]
        if not (0 <= program <= 128 and 0 <= pitch <= 127):
            return PlainTextResponse("There is no such note.\n", 404)
        data = await run_in_threadpool(tones.tone, program, pitch)
        kept = {"Cache-Control": "private, max-age=604800, immutable"}
        return Response(data, media_type="audio/wav", headers=kept)

    async def export(self, request: Request) -> Response:
        """Answer with the piece in a format, as a file to save."""
        chosen = exports.FORMATS.get(request.path_params["format"])
        if chosen is None:
            return PlainTextResponse("There is no such format.\n", 404)
        if said := chosen.missing():
            return JSONResponse({"error": said}, 501)
        name = self._desk.history.name
        if not self._desk.document.notes:
            return JSONResponse({"error": "There are no notes to write yet."}, 409)
        piece = signed(self._desk.history)
        try:
            data = await run_in_threadpool(chosen.write, piece)
        except HowlkitError as error:
            return JSONResponse({"error": str(error)}, 422)
        file_name = quote(f"{file_stem(name)}{chosen.suffix}", safe="")
        saved = {"Content-Disposition": f"attachment; filename*=UTF-8''{file_name}"}
        return Response(data, media_type=chosen.media_type, headers=saved)

    async def import_file(self, request: Request) -> Response:
        """Make a project of a MIDI file, and open it."""
        data = await _body(request)
        if data is None:
            too_long = {"error": f"A file may have {UPLOAD_BYTES // 2**20} MiB."}
            return JSONResponse(too_long, 413, headers={"Connection": "close"})
        name = request.query_params.get("name", "")[:LONGEST_NAME] or "Untitled"
        try:
            document = await run_in_threadpool(_document, data, name)
        except HowlkitError as error:
            return JSONResponse({"error": str(error)}, 422)
        await self._desk.idle()
        project = self._projects.new(name, document)
        self._desk.show(project)
        return JSONResponse({"project": project.id})

    async def websocket(self, socket: WebSocket) -> None:
        """Serve a page."""
        await self._connections.serve(socket)


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Call a function in the loop's thread, unless the loop has ended."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)


async def _body(request: Request) -> bytes | None:
    """Return the body of a request; None as soon as it is longer than it may be."""
    stated = request.headers.get("content-length", "0")
    if not stated.isdecimal() or int(stated) > UPLOAD_BYTES:
        return None
    parts, length = [], 0
    with contextlib.suppress(ClientDisconnect):
        async for part in request.stream():
            length += len(part)
            if length > UPLOAD_BYTES:
                return None
            parts.append(part)
    return b"".join(parts)
