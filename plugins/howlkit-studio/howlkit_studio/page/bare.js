// Connects, and shows what the server says: a page to see the protocol at work.
const socket = new WebSocket(`ws://${location.host}/ws`);
const state = document.getElementById('state');
const said = document.getElementById('said');

socket.addEventListener('open', () => { state.textContent = 'Connected.'; });
socket.addEventListener('close', (event) => {
  state.textContent = `Closed: ${event.code} ${event.reason}`;
});
socket.addEventListener('message', (event) => {
  said.textContent += `${event.data.slice(0, 2000)}\n`;
});
